"""What the person who waits sees."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """Prints each step with the seconds since the start."""

    quiet: bool = False
    started: float = field(default_factory=time.monotonic)

    def step(self, text: str) -> None:
        if not self.quiet:
            print(f"[{time.monotonic() - self.started:5.1f} s] {text}", flush=True)
