"""Facts that only an older version of a pod shows: a stop, an end, the time of a state.

The newest version of an object does not show in which order things happened.
"""

from dataclasses import replace

from simjob.core.facts import pods
from simjob.core.facts.pods import PodFact


def successor(old: PodFact, new: PodFact) -> PodFact:
    """Return `new` with the facts that only `old`, an older version of the same pod, shows.

    The first end is final: a kubelet may report Failed and Evicted first, and then Succeeded without a reason.
    """
    if old.over_at is not None and not (new.by_kubelet or new.over_limit):
        new = _still_over(old, new)
    if old.ended:
        new = replace(
            new,
            state=old.state,
            disrupted=old.disrupted,
            disruption=old.disruption,
            over_limit=old.over_limit,
            exit_code=new.exit_code if old.exit_code is None else old.exit_code,
            reason=old.reason or new.reason,
            message=old.message or new.message,
        )
    return replace(
        new,
        stopped=new.stopped or old.stopped,
        started=new.started or old.started,
        seen_at=old.seen_at if old.state is new.state else new.seen_at,
        asked_at=old.asked_at or new.asked_at,
    )


def _still_over(old: PodFact, new: PodFact) -> PodFact:
    """Return `new` with the end of the older version.

    A deletion or eviction after that end does not change it: it shows in the pod before any container stops. This does
    not hold for an end by the kubelet: it reports the cause only after the containers have stopped, one by one.
    """
    return replace(
        new,
        state=pods.end_state(old.exit_code) if new.ended else new.state,
        stopped=False,
        disrupted=False,
        disruption="",
        exit_code=old.exit_code,
        reason=old.reason,
        message=old.message,
        image=old.image,
        container=old.container,
        over_at=old.over_at,
    )
