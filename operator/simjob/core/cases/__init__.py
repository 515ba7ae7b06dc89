"""The cases of a SimulationJob: checked, drawn, and written down."""
