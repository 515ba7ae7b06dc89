"""Modules that run in a separate process, and the code that starts them."""
