"""Adopt ConfigMaps of an earlier SimulationJob of the same name, after a restore or a deletion that orphans.

A ConfigMap that is needed is adopted when it is read. The others that a restored status names are adopted in the
background, so that they are deleted with the SimulationJob.
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

# Seconds until the adoption of ConfigMaps that failed is tried again.
_PAUSE: Final = 30.0
# While all of them are rejected or missing, the pause doubles up to this.
_LONGEST_PAUSE: Final = 600.0
# Seconds to wait for a missing ConfigMap that may still be restored. Not longer: finished SimulationJobs are kept for
# years.
_RESTORED_WITHIN: Final = 3600.0

_log: Final = logging.getLogger(__name__)


async def claim(
    cluster: Cluster, job: SimulationJob, name: str, found: ConfigMap, *, same_content: bool = False
) -> ConfigMap | None:
    """Return a ConfigMap that belongs to the job, adopted if an earlier job of its name left it; None if it does not.

    `same_content` means that the caller has compared the content. Raise ConflictError if it changes meanwhile.
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
    # Read the job again: it may be gone, and another of its name may own this. Finished jobs are cached without cases.
    current = simulationjob.parse(await cluster.get_simulationjob(namespace, job.metadata.name))
    if current.metadata.uid != uid:
        raise ConflictError("the SimulationJob was deleted and created again since it was read")
    if not isinstance(current, SimulationJob):
        return None
    is_listed = name in configmapowner.listed(current)
    if not same_content and not configmapowner.is_of_content(current, found.annotations, listed=is_listed):
        return None
    adopted = await cluster.write_config_map(
        namespace, name, found.uid, found.resource_version, {}, configmapowner.adopted(current)
    )
    about = {"namespace": namespace, "simulationjob": job.metadata.name, "configmap": name}
    _log.info("adopted a ConfigMap of an earlier SimulationJob of the same name", extra=about)
    return adopted


class Adoption:
    """Adopt the ConfigMaps that restored statuses name. Each is read once, and again if that fails or it is missing."""

    def __init__(self, cluster: Cluster, recorder: Recorder) -> None:
        self._cluster = cluster
        self._recorder = recorder
        self._warned: set[Key] = set()
        self._looked: dict[Key, set[str]] = {}
        self._tasks: dict[Key, set[asyncio.Task[None]]] = {}

    def look(self, key: Key, job: SimulationJob | Invalid) -> None:
        """Start to adopt the ConfigMaps that the status names, if an earlier object's status was restored.

        Do nothing for those that were started before.
        """
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
        """Drop the state of a SimulationJob that is gone, and cancel its adoptions."""
        self._looked.pop(key, None)
        self._warned.discard(key)
        for task in self._tasks.pop(key, ()):
            task.cancel()

    def close(self) -> None:
        """Cancel all adoptions."""
        for key in list(self._looked):
            self.forget(key)

    async def _take(self, key: Key, job: SimulationJob, names: Sequence[str]) -> None:
        pause, now = _PAUSE, asyncio.get_running_loop().time
        until = now() + _RESTORED_WITHIN
        while failed := await self._left(job, names):
            names = tuple(failed)
            why = failed[names[0]].message
            _log.warning("cannot adopt ConfigMaps; trying again", extra={"namespace": key.namespace, "why": why})
            self._warn(key, job, failed)
            await asyncio.sleep(pause)
            if now() >= until and all(isinstance(trouble, NotFoundError) for trouble in failed.values()):
                return
            is_lasting = all(isinstance(trouble, ForbiddenError | NotFoundError) for trouble in failed.values())
            pause = min(2 * pause, _LONGEST_PAUSE) if is_lasting else _PAUSE

    def _warn(self, key: Key, job: SimulationJob, failed: Mapping[str, ClusterError]) -> None:
        """Post an Event about rejected adoptions, once per SimulationJob."""
        refused = [name for name, trouble in failed.items() if _is_refused(trouble)]
        if refused and key not in self._warned:
            self._warned.add(key)
            self._recorder.note(job.metadata, (_refused(refused, failed[refused[0]].message),))

    async def _left(self, job: SimulationJob, names: Sequence[str]) -> dict[str, ClusterError]:
        """Try to adopt each ConfigMap; return the error of each that needs another try, by name."""
        failed: dict[str, ClusterError] = {}
        for name in names:
            try:
                found = await self._cluster.get_config_map(job.metadata.namespace, name)
                await claim(self._cluster, job, name, found)
            except ClusterError as trouble:
                failed[name] = trouble
        return failed


def _is_refused(trouble: ClusterError) -> bool:
    # A terminating namespace deletes the SimulationJob too, so there is nothing to warn about.
    return isinstance(trouble, ForbiddenError) and not isinstance(trouble, NamespaceTerminatingError)


def _refused(refused: Sequence[str], why: str) -> Notice:
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    note = (
        f'ConfigMap "{refused[0]}"{more} of an earlier SimulationJob is not adopted. The results or cases in it may be '
        "deleted with their old owner: save them. Allow the operator this write; it tries again within ten minutes. "
        f"The API server says: {why}"
    )
    return Notice(reason=Reason.ADOPTION_REFUSED, action="Adopt", note=note, warning=True)
