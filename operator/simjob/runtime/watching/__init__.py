"""Watch the cluster, and keep the observed state in a store."""
