"""The one error of this package."""


class ClusterError(Exception):
    """The cluster can't be had as asked. The message says what is wrong, `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
