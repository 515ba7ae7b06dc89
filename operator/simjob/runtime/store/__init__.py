"""What the operator knows of the cluster, and whom a change wakes."""
