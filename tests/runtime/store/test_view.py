from given.builders import a_job_fact, a_pod_fact
from simjob.api.simulationjob import SimulationJob
from worlds.stores import KEY, a_store, sweep


def test_a_view_does_not_change_while_a_pass_works_with_it() -> None:
    store = a_store()
    store.seen(sweep(1))
    store.put_job(a_job_fact(0))
    store.put_pod(a_pod_fact(0))
    view = store.view(KEY)
    store.seen(sweep(2, cancel=True))
    store.put_pod(a_pod_fact(0, version=2, terminating=True))
    store.job_deleted(a_job_fact(0))
    assert isinstance(view.job, SimulationJob)
    assert (view.job.metadata.resource_version, any(view.signs), view.has_children) == ("1", False, True)
    assert (view.live.unasked, view.live.stopping) == ((a_pod_fact(0),), 0)
    assert (view.owner_name, view.job_names) == ("sweep", (a_job_fact(0).name,))
    newer = store.view(KEY)
    assert (any(newer.signs), newer.live.unasked, newer.live.stopping, newer.owner_name) == (True, (), 1, None)


def test_live_pods_are_in_the_order_of_their_cases() -> None:
    store = a_store()
    for index in (2, 0, 1):
        store.put_pod(a_pod_fact(index))
    assert [pod.index for pod in store.view(KEY).live.unasked] == [0, 1, 2]


def test_the_view_of_an_unknown_key_is_empty() -> None:
    view = a_store().view(KEY)
    assert (view.job, view.is_gone, view.has_children, view.observed().cases) == (None, False, False, ())
    assert view.signs.for_all, "nothing is known of it"
