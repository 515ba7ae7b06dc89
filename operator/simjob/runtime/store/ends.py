"""The SimulationJobs that are gone, and those whose children were to stay when they were deleted."""

from simjob.runtime.client.key import Key


class Ends:
    """What is remembered of a deletion until the last child is gone."""

    def __init__(self) -> None:
        self.gone: set[Key] = set()
        self._orphaned: set[Key] = set()

    def is_gone(self, key: Key) -> bool:
        """Return whether the SimulationJob was seen to be deleted."""
        return key in self.gone

    def is_orphaned(self, key: Key) -> bool:
        """Return whether the SimulationJob was deleted with propagationPolicy Orphan, so that its children stay."""
        return key in self._orphaned

    def went(self, key: Key) -> None:
        """Take note that the SimulationJob is gone."""
        self.gone.add(key)

    def orphans(self, key: Key) -> None:
        """Take note that its children are to stay. It shows for a moment only, before the SimulationJob goes."""
        self._orphaned.add(key)

    def forget(self, key: Key) -> None:
        """Forget a SimulationJob."""
        self.gone.discard(key)
        self._orphaned.discard(key)
