"""Which versions of Kubernetes the operator works with: the tests that show it, and the table of their results."""
