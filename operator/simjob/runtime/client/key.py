"""The key of a SimulationJob: what events, passes and calls are for."""

from typing import NamedTuple


class Key(NamedTuple):
    """Which SimulationJob; one made again under its old name is another."""

    namespace: str
    uid: str
