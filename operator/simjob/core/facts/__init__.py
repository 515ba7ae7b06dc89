"""Pods and Jobs as typed facts."""
