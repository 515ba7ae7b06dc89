"""What the operator knows of the cluster, and how it learns it."""
