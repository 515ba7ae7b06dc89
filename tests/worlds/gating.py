"""Creations and their answers, for tests of the gate."""

from collections.abc import Iterable

from simjob.core.observed.refusedcreation import Refusal
from simjob.core.plan import Action, CreateCase
from simjob.runtime.executing.creationgate import Attempt, Gate


def create(*indexes: int) -> list[Action]:
    return [CreateCase(index=index, restarts=0) for index in indexes]


def invalid(index: int) -> Refusal:
    return Refusal(index=index, kind="Pod", message=f"case {index} is bad", invalid=True)


def quota(index: int) -> Refusal:
    return Refusal(index=index, kind="Pod", message="exceeded quota")


def down(index: int) -> Refusal:
    return Refusal(index=index, kind="Pod", message="no answer", unavailable=True)


def try_(gate: Gate, index: int, answer: Refusal | None = None, retry_after: float | None = None) -> bool:
    """Try to create a case; give whether it was tried."""
    with gate.attempt(index) as attempt:
        if attempt is None:
            return False
        _answered(gate, attempt, answer, retry_after)
        return True


def tried_together(gate: Gate, answers: Iterable[tuple[int, Refusal | None]]) -> None:
    """Send creations at once; then the answers come in this order."""
    found = list(answers)
    attempts = [gate.attempt(index) for index, _ in found]
    sent = [attempt.__enter__() for attempt in attempts]
    for one, (_, answer) in zip(sent, found, strict=True):
        assert one is not None
        _answered(gate, one, answer)
    for attempt in attempts:
        attempt.__exit__(None, None, None)


def _answered(gate: Gate, one: Attempt, answer: Refusal | None, retry_after: float | None = None) -> None:
    if answer is None:
        gate.accepted(one)
    elif answer.unavailable:
        gate.failed(one, answer, retry_after)
    else:
        gate.refused(one, answer)
