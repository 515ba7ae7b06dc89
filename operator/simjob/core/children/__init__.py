"""The Jobs, pods and ConfigMaps of a SimulationJob as JSON."""
