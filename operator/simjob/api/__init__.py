"""What users may write: the SimulationJob resource and every string the cluster sees."""
