"""Takes over ConfigMaps that an earlier SimulationJob of the name has left, after a restore or an orphaning deletion.

What is needed is taken over when it is read. The rest of what a restored status names follows beside the passes, so
that it is deleted with the SimulationJob.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from simjob.api import simulationjob
from simjob.api.names import Reason
from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.core.children import configmapowner
from simjob.core.children.configmapowner import Ownership
from simjob.core.plan import Notice
from simjob.runtime.client.errors import (
    ClusterError,
    ConflictError,
    ForbiddenError,
    NamespaceTerminatingError,
    NotFoundError,
)
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.calls import Cluster, ConfigMap
from simjob.runtime.cluster.events import Recorder

# Seconds until ConfigMaps that could not be taken over are tried again.
_PAUSE: Final = 30.0
# While all of them are refused or missing the pause doubles up to this.
_LONGEST_PAUSE: Final = 600.0
# Seconds in which a ConfigMap that is not there may still be restored. Finished SimulationJobs are kept for years.
_RESTORED_WITHIN: Final = 3600.0

_log: Final = logging.getLogger(__name__)


async def claim(
    cluster: Cluster, job: SimulationJob, name: str, found: ConfigMap, *, same_content: bool = False
) -> ConfigMap | None:
    """Return a ConfigMap as the job's own, taken over if an earlier job has left it; None if it is not the job's.

    `same_content`: the caller has compared what is in it. ConflictError if it changes meanwhile.
    """
    match configmapowner.of(job, found.owners, found.labels):
        case Ownership.OURS:
            return found
        case Ownership.FOREIGN:
            return None
        case Ownership.ADOPTABLE:
            return await _adopt(cluster, job, name, found, same_content=same_content)


async def _adopt(
    cluster: Cluster, job: SimulationJob, name: str, found: ConfigMap, *, same_content: bool
) -> ConfigMap | None:
    namespace, uid = job.metadata.namespace, job.metadata.uid
    # The job at hand may be gone, and another of its name may own this; and of a finished job the cases are not kept.
    current = simulationjob.parse(await cluster.get_simulationjob(namespace, job.metadata.name))
    if current.metadata.uid != uid:
        raise ConflictError("the SimulationJob was deleted and made again since it was read")
    if not isinstance(current, SimulationJob):
        return None
    is_listed = name in configmapowner.listed(current)
    if not same_content and not configmapowner.is_of_content(current, found.annotations, listed=is_listed):
        return None
    adopted = await cluster.write_config_map(
        namespace, name, found.uid, found.resource_version, {}, configmapowner.adopted(current)
    )
    about = {"namespace": namespace, "simulationjob": job.metadata.name, "configmap": name}
    _log.info("a ConfigMap of an earlier SimulationJob of the name is taken over", extra=about)
    return adopted


class Adoption:
    """Takes over what restored statuses name: each ConfigMap is read once, and again if that fails or it is missing."""

    def __init__(self, cluster: Cluster, recorder: Recorder) -> None:
        self._cluster = cluster
        self._recorder = recorder
        self._warned: set[Key] = set()
        self._looked: dict[Key, set[str]] = {}
        self._tasks: dict[Key, set[asyncio.Task[None]]] = {}

    def look(self, key: Key, job: SimulationJob | Invalid) -> None:
        """Have what the status names taken over, if the status is of an earlier object and that is not done."""
        if isinstance(job, Invalid):
            return
        listed = configmapowner.listed(job) if configmapowner.is_restored(job) else ()
        if not listed:
            return
        looked = self._looked.setdefault(key, set())
        new = tuple(name for name in listed if name not in looked)
        if not new:
            return
        looked.update(new)
        task = asyncio.create_task(self._take(key, job, new))
        tasks = self._tasks.setdefault(key, set())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def forget(self, key: Key) -> None:
        """Forget a SimulationJob that is gone."""
        self._looked.pop(key, None)
        self._warned.discard(key)
        for task in self._tasks.pop(key, ()):
            task.cancel()

    def close(self) -> None:
        """Give up what goes on."""
        for key in list(self._looked):
            self.forget(key)

    async def _take(self, key: Key, job: SimulationJob, names: Sequence[str]) -> None:
        pause, now = _PAUSE, asyncio.get_running_loop().time
        until = now() + _RESTORED_WITHIN
        while failed := await self._left(job, names):
            names = tuple(failed)
            why = failed[names[0]].message
            _log.warning("ConfigMaps are not taken over yet", extra={"namespace": key.namespace, "why": why})
            self._warn(key, job, failed)
            await asyncio.sleep(pause)
            if now() >= until and all(isinstance(trouble, NotFoundError) for trouble in failed.values()):
                return
            is_lasting = all(isinstance(trouble, ForbiddenError | NotFoundError) for trouble in failed.values())
            pause = min(2 * pause, _LONGEST_PAUSE) if is_lasting else _PAUSE

    def _warn(self, key: Key, job: SimulationJob, failed: Mapping[str, ClusterError]) -> None:
        """Post an Event about what is refused, once for each SimulationJob."""
        refused = [name for name, trouble in failed.items() if _is_refused(trouble)]
        if refused and key not in self._warned:
            self._warned.add(key)
            self._recorder.note(job.metadata, (_refused(refused, failed[refused[0]].message),))

    async def _left(self, job: SimulationJob, names: Sequence[str]) -> dict[str, ClusterError]:
        """Take over what can be; return what needs another try, and why."""
        failed: dict[str, ClusterError] = {}
        for name in names:
            try:
                found = await self._cluster.get_config_map(job.metadata.namespace, name)
                await claim(self._cluster, job, name, found)
            except ClusterError as trouble:
                failed[name] = trouble
        return failed


def _is_refused(trouble: ClusterError) -> bool:
    # A namespace that ends takes the SimulationJob along: nothing to warn of.
    return isinstance(trouble, ForbiddenError) and not isinstance(trouble, NamespaceTerminatingError)


def _refused(refused: Sequence[str], why: str) -> Notice:
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    note = (
        f'ConfigMap "{refused[0]}"{more} of an earlier SimulationJob is not adopted. The results or cases in it may be '
        "deleted with their old owner: save them. Allow the operator this write; it tries again within ten minutes. "
        f"The API server says: {why}"
    )
    return Notice(reason=Reason.ADOPTION_REFUSED, action="Adopt", note=note, warning=True)
