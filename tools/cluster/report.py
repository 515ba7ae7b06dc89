"""The output for the person who waits."""

import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from cluster.errors import ClusterError

# Where lines stay, in a log, one a second would be too many.
PAUSE_SECONDS = 15.0
ERASE = "\r\033[K"


@dataclass(slots=True)
class Report:
    """Prints each step with the seconds since the start. Progress is one line, which changes in place on a terminal."""

    quiet: bool = False
    started: float = field(default_factory=time.monotonic)
    is_open: bool = False
    shown_at: float = float("-inf")

    def step(self, text: str) -> None:
        """Print a line that stays. It takes the place of a line of progress."""
        if self.quiet:
            return
        print(f"{ERASE if self.is_open else ''}{self._line(text)}", flush=True)
        self.is_open = False

    def progress(self, text: str) -> None:
        """Show how far something is: in place on a terminal, elsewhere as a line now and then."""
        now = time.monotonic()
        if self.quiet:
            return
        if sys.stdout.isatty():
            columns = shutil.get_terminal_size().columns
            print(f"{ERASE}{self._line(text)[: columns - 1]}", end="", flush=True)
            self.is_open = True
        elif now - self.shown_at >= PAUSE_SECONDS:
            print(self._line(text), flush=True)
            self.shown_at = now

    def close(self) -> None:
        """Remove a line of progress, so that whatever prints next begins a line of its own."""
        if self.is_open:
            print(ERASE, end="", flush=True)
            self.is_open = False

    def _line(self, text: str) -> str:
        return f"[{time.monotonic() - self.started:5.1f} s] {text}"


def tell(error: ClusterError) -> None:
    """Print what is wrong, and what to do about it, on standard error."""
    print(f"error: {error}", file=sys.stderr)
    if error.hint:
        print(f"hint:  {error.hint}", file=sys.stderr)


def tail(log: Path, lines: int = 15) -> str:
    """Return a log's last lines, indented."""
    if not log.exists():
        return "    (no log)"
    return "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-lines:])
