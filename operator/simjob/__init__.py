"""The SimulationJob operator: runs sweeps of simulation cases on Kubernetes and cancels them truthfully."""
