"""What the Job, the pod and the ConfigMaps of a SimulationJob look like."""
