"""What the operator knows about the cluster, and the queue of SimulationJobs to plan."""
