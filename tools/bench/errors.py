"""What can go wrong in a benchmark."""


class BenchError(Exception):
    """The run cannot go on, or what it would say would not be true."""


class TrialError(BenchError):
    """One trial did not come to its end; the others can still be made."""
