"""Remember which SimulationJobs are gone, and which of them were deleted with `--cascade=orphan`."""

from simjob.runtime.client.key import Key


class DeletedSimulationJobs:
    """Deletions of SimulationJobs, until their last child is gone."""

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
        """Record that the SimulationJob is gone."""
        self.gone.add(key)

    def orphans(self, key: Key) -> None:
        """Record that its children stay. A finalizer shows that only for a moment, before the job is gone."""
        self._orphaned.add(key)

    def forget(self, key: Key) -> None:
        """Forget a SimulationJob."""
        self.gone.discard(key)
        self._orphaned.discard(key)
