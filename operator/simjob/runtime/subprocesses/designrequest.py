"""What the process that draws designs is asked for, on its standard input."""

from typing import Any

import msgspec


class Request(msgspec.Struct):
    """What to draw: a design (as in the spec), its seed, and which of its points are wanted (as index ranges)."""

    samples: dict[str, Any]
    seed: int
    indexes: str
