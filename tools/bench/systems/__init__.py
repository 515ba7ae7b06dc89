"""The systems that are measured: the operator, and those that it is compared with."""
