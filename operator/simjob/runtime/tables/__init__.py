"""Cases that are written down before the first one starts."""
