"""What one pass sees of a SimulationJob's world."""
