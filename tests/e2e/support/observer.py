"""Count the processes of a SimulationJob's pods in the kernel at each new phase, independently of the operator."""

import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from e2e.support import node
from e2e.support.namespace import Namespace
from simjob.api import names


@dataclass(frozen=True, slots=True)
class Moment:
    """What was said at a moment, and how many processes ran then."""

    phase: str
    processes: int


class ProcessObserver:
    """Observes the one SimulationJob of a namespace from `with` to the end of that."""

    def __init__(self, namespace: Namespace) -> None:
        self.moments: list[Moment] = []
        self._namespace = namespace
        self._uids = {
            seen.uid for seen in namespace.pods.history if names.LABEL_UID in seen.object["metadata"]["labels"]
        }
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="process observer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        seen = len(self._namespace.sweeps.history)
        while not self._over.is_set() or seen < len(self._namespace.sweeps.history):
            history = self._namespace.sweeps.history
            while seen < len(history):
                # In this order: what is counted after CANCELLED was heard of must be nothing.
                phase = history[seen].phase
                self.moments.append(Moment(phase, sum(len(node.processes(uid)) for uid in self._uids)))
                seen += 1
            time.sleep(0.005)
