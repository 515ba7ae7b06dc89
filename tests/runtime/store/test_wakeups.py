from typing import Any

import pytest
from given.builders import a_job_fact, a_pod_fact
from simjob.runtime.client.key import Key
from simjob.runtime.store.workqueue import WorkQueue
from worlds.stores import KEY, OTHER, a_store, sweep
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


class TestLanes:
    async def lane(self, *keys_in_order: Key, queue: WorkQueue) -> None:
        assert [await queue.get() for _ in keys_in_order] == list(keys_in_order)
        assert len(queue) == 0

    @pytest.mark.parametrize(
        "change",
        [
            {"cancel": True},
            {"metadata": {"deletionTimestamp": "2026-01-02T03:04:05Z"}},
            {"metadata": {"annotations": {"simjob.dev/cancel-requested-by": "anna"}}},
            {"cases": {}, "cancel": True},
            {"cancelCases": "0"},
            {"status": {"cancellingIndexes": "0"}},
        ],
    )
    async def test_a_cancel_and_a_deletion_are_urgent(self, change: dict[str, Any]) -> None:
        queue = WorkQueue()
        store = a_store(queue)
        store.put_job(a_job_fact(0, owner_uid=OTHER.uid))
        store.seen(sweep(**change))
        await self.lane(KEY, OTHER, queue=queue)

    async def test_changes_of_a_cancelled_jobs_children_are_urgent(self) -> None:
        queue = WorkQueue()
        store = a_store(queue)
        store.seen(sweep(status={"cancellation": {"requestedAt": "2026-01-02T03:04:05Z"}}))
        await queue.get()
        queue.done(KEY)
        store.put_job(a_job_fact(0, owner_uid=OTHER.uid))
        store.put_pod(a_pod_fact(0))
        await self.lane(KEY, OTHER, queue=queue)

    async def test_cleanup_after_a_cancel_is_not_urgent(self) -> None:
        queue = WorkQueue()
        store = a_store(queue)
        latch = {"requestedAt": "2026-01-02T03:04:05Z"}
        store.seen(sweep(status={"cancellation": latch, "phase": "CANCELLED", "isTerminal": True}))
        await queue.get()
        queue.done(KEY)
        store.put_job(a_job_fact(0, owner_uid=OTHER.uid))
        store.put_job(a_job_fact(0))
        await self.lane(OTHER, KEY, queue=queue)

    async def test_a_cancel_after_the_end_is_not_urgent(self) -> None:
        queue = WorkQueue()
        store = a_store(queue)
        store.put_job(a_job_fact(0, owner_uid=OTHER.uid))
        store.seen(sweep(cancel=True, status={"phase": "COMPLETED", "isTerminal": True}))
        await self.lane(OTHER, KEY, queue=queue)

    async def test_other_changes_are_not_urgent_and_repeated_states_wake_no_worker(self) -> None:
        queue = WorkQueue()
        store = a_store(queue)
        store.put_job(a_job_fact(0, owner_uid=OTHER.uid))
        store.seen(sweep())
        await self.lane(OTHER, KEY, queue=queue)
        queue.done(KEY)
        store.seen(sweep())
        store.job_deleted(a_job_fact(5))
        assert len(queue) == 0
