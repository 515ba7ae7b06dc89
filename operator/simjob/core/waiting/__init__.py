"""What a job waits for: pods that do not start or stop in time, a queue, or the end of a suspension."""
