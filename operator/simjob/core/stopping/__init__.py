"""Actions that several rules use: stop cases, end a job early, keep or delete finished Jobs."""
