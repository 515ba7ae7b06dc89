"""The request to the process that draws designs, on its standard input."""

from typing import Any

import msgspec


class Request(msgspec.Struct):
    """What to draw: the design (as in the spec), its seed, and the wanted points (as index ranges such as `0-4,7`)."""

    samples: dict[str, Any]
    seed: int
    indexes: str
