"""The cases of a SimulationJob: checks, designs of experiments, and the operator's case table."""
