"""How a conclusion reads in the status."""
