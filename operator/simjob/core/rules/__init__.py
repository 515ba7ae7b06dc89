"""The rules of the planner, one file each."""
