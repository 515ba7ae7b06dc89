from given.builders import a_job_fact, a_pod_fact
from worlds.stores import KEY, a_store, sweep


class TestGone:
    def test_a_late_event_does_not_restore_a_deleted_simulationjob(self) -> None:
        store = a_store()
        store.seen(sweep())
        store.deleted(sweep())
        store.seen(sweep(9))
        assert store.get(KEY) is None
        assert store.is_gone(KEY)

    def test_children_of_a_deleted_simulationjob_are_known_until_the_last_is_gone(self) -> None:
        store = a_store()
        store.put_job(a_job_fact(0))
        store.put_pod(a_pod_fact(0))
        store.deleted(sweep())
        store.job_deleted(a_job_fact(0))
        assert store.view(KEY).has_children
        store.pod_deleted(a_pod_fact(0, version=2))
        assert not store.view(KEY).has_children
        store.drop(KEY)
        assert (store.get(KEY), store.is_gone(KEY)) == (None, False)

    def test_the_owner_of_children_is_known_from_their_jobs(self) -> None:
        store = a_store()
        assert store.view(KEY).owner_name is None
        store.put_job(a_job_fact(0))
        assert store.view(KEY).owner_name == "sweep"

    def test_a_simulationjob_is_known_as_orphaned_after_the_finalizer_was_seen_once(self) -> None:
        store = a_store()
        deleted = {"deletionTimestamp": "2026-01-02T03:04:05Z"}
        store.seen(sweep(1, metadata=deleted | {"finalizers": ["orphan"]}))
        store.seen(sweep(2, metadata=deleted))
        store.deleted(sweep(2))
        assert (store.view(KEY).is_gone, store.view(KEY).is_orphaned) == (True, True)
        store.drop(KEY)
        assert (store.view(KEY).is_gone, store.view(KEY).is_orphaned) == (False, False)
