import asyncio

import pytest
from given.leases import LeaseServer, Replica
from simjob.runtime.client import errors
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


async def test_the_first_replica_creates_the_lease_and_leads() -> None:
    server = LeaseServer()
    async with Replica(server, "a").running() as elector:
        await elector.acquired()
        assert elector.is_leader
        assert server.spec["holderIdentity"] == "a"
        assert server.spec["leaseDurationSeconds"] == 15
        assert server.spec["renewTime"] == "2026-01-02T03:20:45.000678Z"


async def test_a_second_replica_waits_while_the_first_renews() -> None:
    server = LeaseServer()
    async with Replica(server, "a").running() as first, Replica(server, "b").running() as second:
        await asyncio.sleep(300)
        assert first.is_leader
        assert not second.is_leader


async def test_a_second_replica_leads_15_seconds_after_the_last_renewal() -> None:
    server, loop = LeaseServer(), asyncio.get_running_loop()
    server.hold("dead")
    async with Replica(server, "b").running() as second:
        started = loop.time()
        await second.acquired()
        assert 15 <= loop.time() - started <= 17.1
        assert server.spec["holderIdentity"] == "b"
        assert server.spec["leaseTransitions"] == 1


async def test_a_changing_lease_is_never_taken() -> None:
    server = LeaseServer()
    async with Replica(server, "b").running() as second:
        for _ in range(20):
            server.hold("another, with its clock years behind")
            await asyncio.sleep(10)
        assert not second.is_leader


async def test_a_replica_restarted_with_its_old_name_waits() -> None:
    server = LeaseServer()
    server.hold("a")
    async with Replica(server, "a").running() as elector:
        await asyncio.sleep(10)
        assert not elector.is_leader


async def test_a_leader_that_cannot_renew_stops_after_10_seconds() -> None:
    server = LeaseServer()
    replica = Replica(server, "a")
    async with replica.running() as elector:
        await elector.acquired()
        server.down = True
        await asyncio.sleep(9.9)
        assert elector.is_leader
        await asyncio.wait_for(elector.lost(), 0.2)
        assert not elector.is_leader
        elector.step_down()
    assert replica.ends == []


async def test_the_process_exits_if_the_work_of_a_former_leader_does_not_stop() -> None:
    server = LeaseServer()
    replica = Replica(server, "a")
    async with replica.running() as elector:
        await elector.acquired()
        server.down = True
        await asyncio.sleep(12.6)
        elector._guard(elector._term)
        assert replica.ends[0] == 1


async def test_a_former_leader_that_stops_its_work_in_time_keeps_running() -> None:
    server = LeaseServer()
    replica = Replica(server, "a")
    async with replica.running() as elector:
        await elector.acquired()
        term = elector._term
        server.down = True
        await elector.lost()
        elector.step_down()
        await asyncio.sleep(600)
        elector._guard(term)
        assert replica.ends == []


async def test_a_leader_whose_work_has_not_stopped_does_not_renew() -> None:
    server = LeaseServer()
    async with Replica(server, "a").running() as elector:
        await elector.acquired()
        server.down = True
        await elector.lost()
        server.down = False
        writes = server.writes
        await asyncio.sleep(2.4)
        assert not elector.is_leader
        assert server.writes == writes
        elector.step_down()


@pytest.mark.parametrize("trouble", [errors.UnavailableError("500"), errors.ForbiddenError("403"), b"<html>"])
async def test_ten_minutes_without_an_answer_cost_one_term(trouble: Exception | bytes) -> None:
    server, loop = LeaseServer(), asyncio.get_running_loop()
    first, second = Replica(server, "a"), Replica(server, "b")
    async with first.running() as leader, second.running() as follower:
        await asyncio.sleep(10)
        server.trouble = trouble
        await leader.lost()
        leader.step_down()
        await asyncio.sleep(600)
        assert not leader.is_leader
        assert not follower.is_leader
        server.trouble = None
        ended = loop.time()
        leading = {asyncio.create_task(one.acquired()) for one in (leader, follower)}
        _, other = await asyncio.wait(leading, return_when=asyncio.FIRST_COMPLETED)
        for task in other:
            task.cancel()
        assert loop.time() - ended <= 2
        assert leader.is_leader != follower.is_leader
    assert (first.ends, second.ends) == ([], [])


async def test_the_watchdog_does_not_end_a_renewing_leader() -> None:
    server = LeaseServer()
    replica = Replica(server, "a")
    async with replica.running() as elector:
        await asyncio.sleep(100)
        assert elector.is_leader
    elector._guard(elector._term)
    assert replica.ends == []


async def test_a_short_outage_does_not_cost_the_leadership() -> None:
    server = LeaseServer()
    replica = Replica(server, "a")
    async with replica.running() as elector:
        await elector.acquired()
        server.down = True
        await asyncio.sleep(7)
        server.down = False
        await asyncio.sleep(60)
        assert elector.is_leader


async def test_a_renewal_without_an_answer_is_retried() -> None:
    server = LeaseServer()
    async with Replica(server, "a").running() as elector:
        await elector.acquired()
        server.answers_are_lost = True
        await asyncio.sleep(2.5)
        server.answers_are_lost = False
        await asyncio.sleep(60)
        assert elector.is_leader


async def test_a_leader_that_was_replaced_becomes_a_follower() -> None:
    server = LeaseServer()
    replica = Replica(server, "a")
    async with replica.running() as elector:
        await elector.acquired()
        server.hold("b")
        await asyncio.wait_for(elector.lost(), 2.1)
        elector.step_down()
        writes = server.writes
        for _ in range(20):
            server.hold("b")
            await asyncio.sleep(10)
        assert not elector.is_leader
        assert server.writes == writes
    assert replica.ends == []


async def test_a_leader_whose_lease_was_deleted_begins_a_new_term() -> None:
    server = LeaseServer()
    async with Replica(server, "a").running() as elector:
        await elector.acquired()
        server.lease = None
        server._version += 1
        await asyncio.wait_for(elector.lost(), 2.1)
        elector.step_down()
        await asyncio.wait_for(elector.acquired(), 2.1)
        await asyncio.sleep(60)
        assert elector.is_leader


async def test_a_released_lease_is_taken_within_one_retry_period() -> None:
    server, loop = LeaseServer(), asyncio.get_running_loop()
    async with Replica(server, "a").running() as first, Replica(server, "b").running() as second:
        await asyncio.sleep(10)
        await first.release()
        released = loop.time()
        assert not first.is_leader
        await second.acquired()
        assert loop.time() - released <= 2
        assert server.spec["leaseTransitions"] == 1


async def test_a_replica_writes_nothing_after_releasing_the_lease() -> None:
    server = LeaseServer()
    async with Replica(server, "a").running() as elector:
        await elector.acquired()
        await elector.release()
        writes = server.writes
        await asyncio.sleep(60)
        assert server.writes == writes


async def test_an_interrupted_renewal_does_not_prevent_the_release() -> None:
    server = LeaseServer()
    replica = Replica(server, "a")
    async with replica.running() as elector:
        await elector.acquired()
        assert replica.task
        replica.task.cancel()
        assert server.lease
        server._store({**server.spec, "renewTime": "later"})
        await elector.release()
        assert server.spec.get("holderIdentity", "") == ""


async def test_a_stopping_follower_leaves_the_lease_alone() -> None:
    server = LeaseServer()
    server.hold("a")
    async with Replica(server, "b").running() as elector:
        await asyncio.sleep(5)
        await elector.release()
    assert server.spec["holderIdentity"] == "a"
    assert server.writes == 0


async def test_without_election_the_only_replica_leads_and_writes_no_lease() -> None:
    server = LeaseServer()
    async with Replica(server, "a", leader_election=False).running() as elector:
        await elector.acquired()
        assert elector.is_leader
    assert server.lease is None
