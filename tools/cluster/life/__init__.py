"""From nothing to a cluster, and back."""
