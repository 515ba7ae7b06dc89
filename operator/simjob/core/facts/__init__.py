"""Pods and Jobs as typed facts, read from the API server's JSON."""
