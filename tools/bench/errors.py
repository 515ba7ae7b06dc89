"""What can go wrong in a benchmark."""


class BenchError(Exception):
    """The run cannot continue, or its results would be false."""


class TrialError(BenchError):
    """One trial did not come to its end; the others can still be made."""
