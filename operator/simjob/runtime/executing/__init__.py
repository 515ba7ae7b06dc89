"""Carry out the actions of a plan."""
