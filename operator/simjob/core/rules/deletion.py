"""A SimulationJob that is being deleted, or is gone: its children are stopped and deleted, unless orphaned."""

from datetime import datetime

from simjob.core.assessment import Situation
from simjob.core.decision import Decision
from simjob.core.observed.children import Observed
from simjob.core.plan import resync_at
from simjob.core.stopping import stop


def gone(situation: Situation) -> Decision | None:
    """Stop and delete all children of a SimulationJob that is being deleted; None if it is not being deleted.

    With `--cascade=orphan`, the children stay and the decision is empty.
    """
    metadata = situation.job.metadata
    if metadata.deletion_timestamp is None:
        return None
    if metadata.orphans_children:
        return Decision()
    return remove_all(situation.observed, situation.now, metadata.deletion_timestamp)


def remove_all(observed: Observed, now: datetime, since: datetime | None) -> Decision:
    """Return the decision that stops and deletes all children of a SimulationJob, ended ones too.

    The garbage collector would do it, but at its default settings it deletes only about ten objects per second.
    `since`: when the deletion began.
    """
    jobs_at = stop.jobs_go_at(observed) if observed.live_pods else stop.jobs_go_after_others_at(observed, since)
    if jobs_at and jobs_at > now:
        return Decision(actions=stop.stop_pods(observed.live_pods), look_again=jobs_at)
    return Decision(actions=stop.clear(observed.cases), look_again=resync_at(now))
