"""Reads a user's table of cases."""
