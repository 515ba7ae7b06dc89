"""The control plane: its certificates, its components, and a small client of its API."""
