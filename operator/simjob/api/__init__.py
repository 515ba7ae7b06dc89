"""The API: the SimulationJob resource, and every string that the cluster sees."""
