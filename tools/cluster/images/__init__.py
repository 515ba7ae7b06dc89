"""Container images without a registry."""
