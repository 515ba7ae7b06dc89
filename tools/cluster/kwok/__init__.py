"""The fake nodes: as many as wanted, played by KWOK."""
