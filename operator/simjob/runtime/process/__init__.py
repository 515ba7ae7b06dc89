"""The process: leader election, probes, logs, settings."""
