"""The demo's first half: a sweep is cancelled in the middle, and every statement about it is checked."""

import json
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cluster.errors import ClusterError
from cluster.kubectl import Line

from demo.progress import Progress
from demo.sweep import Sweep, parse_status

REASON = "wrong component values"
PATCH = {"spec": {"cancel": True, "cancelReason": REASON}}
TERMINAL = ("COMPLETED", "FAILED", "CANCELLED")
PATIENCE = 60.0
# Two watches bring their news by two connections, so their order is not exact.
SKEW = 0.5
# The exit code is last, since it is missing while a container runs.
EXIT_CODE = "{.object.status.containerStatuses[*].state.terminated.exitCode}"
POD = "{.type} {.object.metadata.name} {.object.status.phase} " + EXIT_CODE


@dataclass(slots=True)
class Observed:
    """What the watches have said: the job's status, and which pods live, with the time at which each stopped."""

    status: dict[str, Any] = field(default_factory=dict)
    ended_at: float = 0.0
    live: set[str] = field(default_factory=set)
    stopped_at: dict[str, float] = field(default_factory=dict)

    def take(self, line: Line) -> None:
        """Take one line in."""
        if line.source == "job":
            self.status = parse_status(line.text)
            if self.status.get("phase") in TERMINAL and not self.ended_at:
                self.ended_at = line.time
            return
        event, name, phase, *exit_code = line.text.split()
        # A kubelet says that the container has ended before it removes the pod; the first word of it counts.
        if event == "DELETED" or exit_code or phase in ("Succeeded", "Failed"):
            self.live.discard(name)
            self.stopped_at.setdefault(name, line.time)
        elif name not in self.stopped_at:
            self.live.add(name)


def is_time(status: Mapping[str, Any], parallelism: int) -> bool:
    """Say whether to cancel: a third is done and all places are taken, or, failing that, a half is done."""
    cases = status.get("cases", {})
    done = (cases.get("succeeded", 0) + cases.get("failed", 0)) / max(1, cases.get("total", 0))
    return bool(done >= 1 / 2 or (done >= 1 / 3 and cases.get("running", 0) >= parallelism))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """How a cancel went. Times are seconds from the moment at which the command was entered."""

    status: Mapping[str, Any]
    live_then: int
    all_stopped: float
    terminal: float
    live_now: Sequence[str]


def command(name: str) -> str:
    """Write the command as one types it."""
    return f"kubectl patch simjob {name} --type=merge -p '{json.dumps(PATCH, separators=(',', ':'))}'"


def run(sweep: Sweep, parallelism: int) -> Cancelled:
    """Watch the sweep, cancel it when about a third of its cases are done, and see it to its end."""
    observed, progress = Observed(), Progress()
    with _watching(sweep) as lines:
        _until(lines, observed, progress, lambda: observed.ended_at > 0 or is_time(observed.status, parallelism))
        progress.end()
        if observed.ended_at:
            raise ClusterError(f"the sweep was {observed.status['phase']} before it could be cancelled")
        print(f"\n          $ {command(sweep.name)}\n", flush=True)
        then, started = set(observed.live), time.monotonic()
        sweep.kubectl.run("patch", "simjob", sweep.name, "--type=merge", "-p", json.dumps(PATCH))
        _until(lines, observed, progress, lambda: observed.ended_at > 0 and not observed.live & then)
        progress.end()
    stopped = max((observed.stopped_at[name] for name in then), default=started)
    return Cancelled(
        status=sweep.status(),
        live_then=len(then),
        all_stopped=stopped - started,
        terminal=observed.ended_at - started,
        live_now=sweep.live_pods(),
    )


def complaints(found: Cancelled, total: int) -> list[str]:
    """Name what is not as a cancelled sweep must be; nothing is the good answer."""
    status, cases = found.status, found.status.get("cases", {})
    latch = status.get("cancellation", {})
    ended = [cases.get(name, 0) for name in ("succeeded", "failed", "cancelled")]
    checks = [
        (status.get("phase") == "CANCELLED", f"the phase is {status.get('phase')}, not CANCELLED"),
        (status.get("isTerminal") is True, "status.isTerminal is not true"),
        (status.get("isFailed") is False, "status.isFailed is not false: a cancelled job has not failed"),
        (latch.get("reason") == REASON, f"the recorded reason is {latch.get('reason')!r}"),
        (bool(latch.get("requestedBy")), "nobody is recorded as the one who asked"),
        (sum(ended) == total, f"succeeded, failed and cancelled are {ended}, not {total} together"),
        (cases.get("failed") == 0, f"{cases.get('failed')} cases failed"),
        (cases.get("succeeded", 0) > 0, "no case had succeeded"),
        (cases.get("cancelled", 0) > 0, "no case was cancelled"),
        (not found.live_now, f"still live: {', '.join(found.live_now)}"),
        (found.all_stopped <= found.terminal + SKEW, "CANCELLED was said before every container had stopped"),
    ]
    return [complaint for holds, complaint in checks if not holds]


def report(found: Cancelled) -> str:
    """Tell how it went."""
    status, cases, latch = found.status, found.status["cases"], found.status["cancellation"]
    return "\n".join(
        f"          {name:<22}{text}"
        for name, text in [
            ("phase", f"{status['phase']}  (terminal, not failed)"),
            ("asked for by", latch["requestedBy"]),
            ("reason", latch["reason"]),
            ("kept", f"{cases['succeeded']} results of cases that had finished"),
            ("cancelled", f"{cases['cancelled']} cases, {found.live_then} of them were running"),
            ("live pods now", str(len(found.live_now))),
            ("patch → all stopped", f"{found.all_stopped:.2f} s"),
            ("patch → CANCELLED", f"{found.terminal:.2f} s"),
        ]
    )


@contextmanager
def _watching(sweep: Sweep) -> Iterator["queue.SimpleQueue[Line]"]:
    watches = {
        "job": ("simjob", sweep.name, "-o", 'jsonpath={.status}{"\\n"}'),
        "pods": ("pods", "-l", sweep.selector, "--output-watch-events", "-o", f'jsonpath={POD}{{"\\n"}}'),
    }
    with sweep.kubectl.watching(watches) as lines:
        yield lines


def _until(lines: "queue.SimpleQueue[Line]", observed: Observed, progress: Progress, holds: Callable[[], bool]) -> None:
    while not holds():
        try:
            line = lines.get(timeout=PATIENCE)
        except queue.Empty:
            raise ClusterError(f"nothing happened for {PATIENCE:.0f} s; the last state: {progress.last}") from None
        observed.take(line)
        progress.show(observed.status)
