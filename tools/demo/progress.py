"""A sweep's state in one line, in place on a terminal and as plain lines elsewhere."""

import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHOWN = ("running", "succeeded", "failed", "cancelled", "assigned", "pending")
# Where lines stay, one for each case would be too many.
PAUSE = 2.0


def describe(status: Mapping[str, Any]) -> str:
    """Say phase, progress and counts of a SimulationJob's status; what is none is left out."""
    cases = status.get("cases", {})
    counts = "  ".join(f"{name} {cases[name]}" for name in SHOWN if cases.get(name))
    return f"{status.get('phase', 'PENDING'):<11}{status.get('progress', ''):>7}   {counts}"


@dataclass(slots=True)
class Progress:
    """The line. `end` leaves the last state of it standing."""

    last: str = ""
    printed: str = ""
    printed_at: float = 0.0

    def show(self, status: Mapping[str, Any]) -> None:
        """Show the state, if there is one and it is another one."""
        text = describe(status) if status else self.last
        if text == self.last:
            return
        self.last = text
        if sys.stdout.isatty():
            print(f"\r\033[K          {text[: shutil.get_terminal_size().columns - 11]}", end="", flush=True)
        elif time.monotonic() - self.printed_at > PAUSE:
            self._print()

    def end(self) -> None:
        """Finish the line."""
        if sys.stdout.isatty():
            print(flush=True)
        elif self.last != self.printed:
            self._print()

    def _print(self) -> None:
        print(f"          {self.last}", flush=True)
        self.printed, self.printed_at = self.last, time.monotonic()
