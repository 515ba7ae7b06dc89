"""One pass over a SimulationJob."""
