"""Carries out a plan's actions."""
