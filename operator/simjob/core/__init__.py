"""What the operator concludes: pure functions from a job and what is observed to a plan."""
