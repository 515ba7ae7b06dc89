"""The product, shown: a real sweep on a real cluster, cancelled in the middle, and another one run to its end."""
