"""How fast the operator is, on a real control plane, beside its references in the same run: `python -m bench`."""
