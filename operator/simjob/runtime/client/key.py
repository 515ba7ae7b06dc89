"""The key that identifies a SimulationJob in queues, stores and calls."""

from typing import NamedTuple


class Key(NamedTuple):
    """One SimulationJob. A SimulationJob that was deleted and created again under its old name has another key.

    Log records about it have fields of the same names.
    """

    namespace: str
    uid: str
