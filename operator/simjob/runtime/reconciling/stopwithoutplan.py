"""Stop the pods of a SimulationJob that is cancelled or deleted while no plan can be made for it.

Either its children cannot be read yet, or a bug in the operator makes its passes fail. Only known pods are stopped. The
cancel is latched, so that it continues even if the request is withdrawn. It is never reported as complete here.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

from simjob.api import names
from simjob.api.names import Reason
from simjob.api.simulationjob import Invalid, Metadata, SimulationJob
from simjob.core import planner
from simjob.core.plan import Notice, Plan
from simjob.core.rules import cancellation
from simjob.runtime.client.errors import ClusterError
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.events import Recorder
from simjob.runtime.executing import backoff
from simjob.runtime.reconciling.jobmemory import REFUSED, Memory
from simjob.runtime.reconciling.reporter import Report
from simjob.runtime.store.stopsigns import StopSigns
from simjob.runtime.store.store import Store

T = TypeVar("T")
Carry = Callable[[Key, SimulationJob | Invalid, Plan, Memory, StopSigns], Awaitable[T]]

_WORK_FAILS: Final = (
    "a bug in the operator prevents it from reconciling this SimulationJob: no case starts and the status is out of "
    "date; a cancel stops only the known pods. The operator tries again every ten seconds."
)
_REMOVAL_FAILS: Final = (
    "this SimulationJob is deleted, but a bug in the operator prevents it from deleting the Jobs and pods: they may "
    "still run. The operator tries again every ten seconds. To delete them by hand: {command}"
)

_log: Final = logging.getLogger(__name__)


class StopWithoutPlan:
    """Stop known pods without a full plan.

    `report` writes the status of a plan, and stops pods if that takes long. `apply` carries out its actions.
    """

    def __init__(
        self, store: Store, recorder: Recorder, clock: Callable[[], datetime], report: Carry[Report], apply: Carry[None]
    ) -> None:
        self._store = store
        self._report = report
        self._recorder = recorder
        self._clock = clock
        self._apply = apply

    async def stop(self, key: Key, memory: Memory) -> None:
        """Latch the cancel and stop the known pods if all cases must stop. Stop the pods even if the latch fails.

        Raise ClusterError.
        """
        view = self._store.view(key)
        job = view.job
        if job is None or not cancellation.stops_all(job):
            return
        memory.gate.look()
        plan = planner.plan_stop(job, view.live, self._clock())
        try:
            await self._report(key, job, plan, memory, view.signs)
        finally:
            # Pods may have started or stopped meanwhile.
            now_live = self._store.view(key).live
            actions = planner.plan_stop(job, now_live, self._clock()).actions
            await self._apply(key, job, Plan(actions=actions), memory, view.signs)

    async def stop_despite_defect(self, key: Key, memory: Memory) -> None:
        """Do the same while passes fail. Log an error; the next pass tries again."""
        about = key._asdict()
        try:
            await self.stop(key, memory)
        except ClusterError as trouble:
            _log.warning(
                "cannot stop pods; trying again", extra={**about, "why": trouble.message, "code": trouble.code}
            )
        except Exception:
            _log.exception("stopping pods failed by a bug in the operator; trying again", extra=about)

    def report_defect(self, key: Key, memory: Memory, defect: Exception) -> None:
        """Post one Event after the third failed pass in a row, also if the SimulationJob is gone."""
        if memory.calls.failures(backoff.DEFECT) != REFUSED:
            return
        what = f"Please report this bug with the operator's log: {type(defect).__name__}: {defect}"
        if job := self._store.get(key):
            self._recorder.note(job.metadata, (_notice("Reconcile", f"{_WORK_FAILS} {what}"),))
        elif name := self._store.view(key).owner_name:
            gone = Metadata(namespace=key.namespace, name=name, uid=key.uid, labels={}, annotations={})
            left = _REMOVAL_FAILS.format(command=f"kubectl delete jobs -l {names.LABEL_UID}={key.uid}")
            self._recorder.note(gone, (_notice("Remove", f"{left} {what}"),))


def _notice(action: str, note: str) -> Notice:
    return Notice(reason=Reason.OPERATOR_DEFECT, action=action, note=note, warning=True)
