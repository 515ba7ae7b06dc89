"""A scheduler and a kubelet in virtual time, which run each pod as a script says."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from simjob.api import names
from worlds.fakerules import timestamp
from worlds.oracles import PROXY, Injected, JudgedCluster, Raw

# In a script, in place of an exit code: the pod runs until it is stopped; gets no node; never starts its container;
# runs until its deadline.
FOREVER: Final = -1
NO_NODE: Final = -2
NO_START: Final = -3
OVERTIME: Final = -4
# Its node reboots; it is evicted for its own limit; the same, and the kubelet then reports Succeeded.
REBOOT: Final = -5
EVICTED: Final = -6
EVICTED_FIRST: Final = -7
_TOO_MUCH: Final = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "
# The scheduler's clock is slow.
_SKEW: Final = timedelta(hours=-1)


def message(index: int, run: int) -> str:
    """Return the message of the n-th run of a case: JSON, a text, or nothing."""
    return ("", f'{{"case": {index}, "run": {run}}}', f"case {index}\\n\u2028run {run}")[(index + 1) % 3]


class ScriptedKubelet:
    """Schedule and run pods. A pod that is asked to stop takes a moment.

    `script` has what each case's pods do in turn; `ends`, by case, what they did or were waiting for when they went.
    """

    def __init__(
        self,
        cluster: JudgedCluster,
        script: Sequence[Sequence[int]],
        ends: dict[int, list[int]],
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._script = script
        self._ends = ends
        self._clock = clock
        self._pods: dict[str, asyncio.Task[None]] = {}
        self._stops: dict[str, asyncio.Event] = {}
        self._waiting: dict[str, int] = {}

    def saw(self, plural: str, raw: Raw, deleted: bool) -> None:
        """Record a change of a pod."""
        if plural != "pods":
            return
        meta = raw["metadata"]
        uid, index = meta["uid"], int(meta["labels"][names.LABEL_INDEX])
        if uid not in self._pods:
            self._stops[uid] = asyncio.Event()
            self._pods[uid] = asyncio.create_task(self._run(meta["name"], uid, index))
        if deleted:
            self._pods[uid].cancel()
            if uid in self._waiting:
                self._note(index, self._waiting.pop(uid))
        elif "deletionTimestamp" in meta:
            self._stops[uid].set()

    def stop(self) -> None:
        for task in self._pods.values():
            task.cancel()

    def _note(self, index: int, end: int) -> None:
        self._ends.setdefault(index, []).append(end)

    async def _run(self, name: str, uid: str, index: int) -> None:
        stop, before, script = self._stops[uid], len(self._ends.get(index, ())), self._script[index]
        does = script[before] if before < len(script) else 0
        if does in (NO_NODE, NO_START):
            self._waiting[uid] = does
        await asyncio.sleep(0.05)
        if does == NO_NODE:
            return
        accepted = self._clock()
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": timestamp(accepted + _SKEW)}
        self._set(name, node="node-1", conditions=[scheduled], startTime=timestamp(accepted))
        await asyncio.sleep(0.05)
        if does == NO_START:
            await stop.wait()
        elif not stop.is_set():
            self._cluster.run_pod("default", name)
            limit = None if does in (FOREVER, OVERTIME) else 0.3 + index % 3
            with contextlib.suppress(TimeoutError):
                wait = self._until_deadline(name, accepted, stop) if does == OVERTIME else stop.wait()
                await asyncio.wait_for(wait, limit)
        if stop.is_set():
            await asyncio.sleep(0.25)
            # The exit code after a stop request does not count, not even 0.
            self._cluster.end_pod("default", name, 143 if index % 2 else 0, "what is said after the end")
            return
        self._cluster.finished.add(name)
        self._note(index, does)
        if does in (REBOOT, EVICTED, EVICTED_FIRST):
            self._end_by_node(name, does)
            return
        if does == OVERTIME:
            self._set(name, reason="DeadlineExceeded")
        code = 137 if does == OVERTIME else does
        if self._cluster.injected and does != OVERTIME:
            await self._end_beside_proxy(name, accepted, stop, code, message(index, before))
        else:
            self._cluster.end_pod("default", name, code, message(index, before))

    async def _end_beside_proxy(self, name: str, accepted: datetime, stop: asyncio.Event, code: int, said: str) -> None:
        """End the simulation, and the injected container after it: a native one soon, any other at the deadline."""
        native = self._cluster.injected is Injected.NATIVE
        end: Raw = {"exitCode": code, "reason": "Error" if code else "Completed", "message": said}
        (before,) = self._pod(name)["status"]["containerStatuses"]
        end |= before["state"]["running"] | {"finishedAt": timestamp(self._clock())}
        simulation = {"name": "simulation", "state": {"terminated": end}}

        def tell(proxy: Raw, **status: Any) -> None:
            beside = {"name": PROXY, "state": proxy}
            inits, others = ([beside], [simulation]) if native else ([], [beside, simulation])
            self._set(name, initContainerStatuses=inits, containerStatuses=others, **status)

        tell({"running": {}})
        await (asyncio.sleep(0.3) if native else self._until_deadline(name, accepted, stop))
        why = {} if native or stop.is_set() else {"reason": "DeadlineExceeded"}
        await asyncio.sleep(0.25)
        phase = "Succeeded" if native and not code else "Failed"
        tell({"terminated": {"exitCode": 143, "reason": "Error"}}, phase=phase, **why)
        if stop.is_set():
            self._cluster.remove("pods", "default", name)

    def _end_by_node(self, name: str, does: int) -> None:
        if does == REBOOT:
            self._cluster.end_pod("default", name, 255, reason="Unknown")
            return
        if does == EVICTED_FIRST:
            self._set(name, phase="Failed", reason="Evicted", message=_TOO_MUCH)
            self._set(name, reason=None, message=None)
            self._cluster.end_pod("default", name, 0)
            return
        self._set(name, reason="Evicted", message=_TOO_MUCH)
        self._cluster.end_pod("default", name, 137)

    async def _until_deadline(self, name: str, accepted: datetime, stop: asyncio.Event) -> None:
        """Wait until the pod's deadline, which others may lower meanwhile, or until it is asked to stop."""
        while not stop.is_set():
            limit = self._pod(name)["spec"].get("activeDeadlineSeconds")
            if limit is not None and self._clock() - accepted >= timedelta(seconds=limit):
                return
            await asyncio.sleep(0.25)

    def _pod(self, name: str) -> Raw:
        return next(pod for pod in self._cluster.objects("pods") if pod["metadata"]["name"] == name)

    def _set(self, name: str, **status: Any) -> None:
        self._cluster.set_pod("default", name, **status)
