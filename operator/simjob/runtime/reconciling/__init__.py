"""Reconcile SimulationJobs: observe, plan, write the status, carry out the actions."""
