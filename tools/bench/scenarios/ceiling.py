"""What the fake kubelets and the scheduler can do at most: pods alone, without Jobs, without any operator."""

from bench.errors import TrialError
from bench.report.measures import Measures
from bench.report.timeline import Pod
from bench.systems.bare import Bare
from bench.trial import Stage
from bench.world import NODES


async def measure(stage: Stage) -> Measures:
    """Create pods for the scheduler, then pods that are bound to nodes already; delete both."""
    scheduled = await _rate(stage, 0)
    bound = await _rate(stage, NODES)
    return {
        "pods_per_second": scheduled[0],
        "bound_per_second": bound[0],
        "ends_per_second": bound[1],
    }


async def _rate(stage: Stage, nodes: int) -> tuple[float, float]:
    bare, observed = stage.system, stage.world.observed
    if not isinstance(bare, Bare):
        raise TrialError("only the bare client makes pods alone")
    key = await stage.place()
    cases = stage.shape.cases
    await bare.pods(key, stage.shape, nodes)
    await observed.reach(key, lambda now: now.running >= cases, stage.patience, f"not all {cases} pods run")
    await stage.check(key)
    await bare.cancel(key)
    await observed.reach(key, lambda now: now.live == 0, stage.patience, "pods do not go")
    return rates(list(observed.sweep(key).pods.values()))


def rates(pods: list[Pod]) -> tuple[float, float]:
    """Give the pods per second from the first creation to the last start, and from the first signal to the last end."""
    running = [pod.running for pod in pods if pod.running is not None]
    signalled = [pod.signalled for pod in pods if pod.signalled is not None]
    ended = [pod.ended for pod in pods if pod.ended is not None]
    up = max(running) - min(pod.created for pod in pods)
    return len(running) / up, len(ended) / (max(ended) - min(signalled))
