"""Parts of messages that several modules use."""

from simjob.api.failures import Failure
from simjob.api.names import ErrorCode


def of_failure(failure: Failure) -> str:
    """Return which case failed and how, on one line, such as "case 4: OOMKilled, exit code 137"."""
    what = failure.reason if failure.error_code in (None, ErrorCode.CASE_FAILED) else failure.error_code
    code = "" if failure.exit_code is None else f", exit code {failure.exit_code}"
    container = f" of container {failure.container}" if failure.container else ""
    message = " ".join((failure.message or "").split())
    return f"case {failure.index}: {what}{code}{container}{f': {message}' if message else ''}"


def were(number: int) -> str:
    """Return the number with "was" or "were"."""
    return f"{number} {'was' if number == 1 else 'were'}"
