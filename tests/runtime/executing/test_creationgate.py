import asyncio
from dataclasses import replace

from given.builders import a_job_fact
from simjob.core.plan import DeleteJob, StartAttempt
from simjob.runtime.executing.creationgate import Gate
from worlds.gating import create, down, invalid, quota, tried_together, try_
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop

OTHER = DeleteJob(job=a_job_fact(9))


async def test_an_open_gate_admits_every_creation() -> None:
    gate = Gate(120)
    actions = (*create(0, 1), OTHER)
    assert gate.permitted(actions) == actions
    assert (gate.refusal, gate.waiting, gate.until_retry()) == (None, frozenset(), (None, False))


class TestRefusals:
    async def test_a_refusal_closes_the_gate_to_single_probes_with_growing_pauses(self) -> None:
        gate, start = Gate(120), asyncio.get_running_loop().time()
        times: list[int] = []
        assert try_(gate, 0, quota(0))
        while len(times) < 7:
            wait, all_wait = gate.until_retry()
            assert wait is not None
            assert all_wait
            assert not try_(gate, 1, quota(1)), "the gate is closed"
            assert gate.permitted((*create(0, 1), OTHER)) == (OTHER,)
            await asyncio.sleep(wait)
            assert gate.permitted((*create(0, 1), OTHER)) == (OTHER, *create(0))
            times.append(round(asyncio.get_running_loop().time() - start))
            assert try_(gate, 0, quota(0))
        assert times == [1, 3, 7, 15, 25, 35, 45]

    async def test_refusals_of_one_burst_count_once(self) -> None:
        gate = Gate(120)
        tried_together(gate, [(index, quota(index)) for index in range(20)])
        assert gate.until_retry() == (1.0, True)

    async def test_a_success_in_the_same_burst_does_not_open_the_gate(self) -> None:
        gate = Gate(120)
        tried_together(gate, [(0, quota(0)), (1, None)])
        assert (gate.until_retry(), gate.refusal) == ((1.0, True), quota(0))

    async def test_an_accepted_probe_opens_the_gate(self) -> None:
        gate = Gate(120)
        try_(gate, 0, quota(0))
        await asyncio.sleep(1)
        assert try_(gate, 0)
        assert (gate.refusal, gate.until_retry()) == (None, (None, False))
        assert gate.permitted(create(1, 2)) == tuple(create(1, 2))

    async def test_the_rest_of_the_burst_is_not_sent(self) -> None:
        gate = Gate(120)
        try_(gate, 0, quota(0))
        assert not try_(gate, 1)


class TestOneCaseThatIsRefused:
    async def test_another_case_is_tried_next(self) -> None:
        gate = Gate(120)
        try_(gate, 0, invalid(0))
        await asyncio.sleep(1)
        assert gate.permitted(create(0, 1)) == tuple(create(1))

    async def test_the_refused_case_waits_while_others_continue(self) -> None:
        gate = Gate(120)
        try_(gate, 0, invalid(0))
        await asyncio.sleep(1)
        assert try_(gate, 1)
        assert gate.waiting == frozenset(), "it is tried once more at once: perhaps it was mended"
        try_(gate, 0, invalid(0))
        assert gate.waiting == {0}
        assert gate.permitted(create(2, 3)) == tuple(create(2, 3)), "the gate stays open"
        refusal = gate.refusal
        assert refusal is not None
        assert (refusal.index, refusal.alone, refusal.lasted) == (0, True, False)

    async def test_the_refused_case_is_retried_every_ten_seconds(self) -> None:
        gate, start = Gate(120), asyncio.get_running_loop().time()
        times: list[int] = []
        try_(gate, 0, invalid(0))
        await asyncio.sleep(1)
        try_(gate, 1)
        while len(times) < 6:
            if not gate.waiting:
                times.append(round(asyncio.get_running_loop().time() - start))
                try_(gate, 0, invalid(0))
            wait, all_wait = gate.until_retry()
            assert wait is not None
            assert not all_wait
            await asyncio.sleep(wait)
        assert times == [1, 2, 4, 8, 16, 26]

    async def test_several_refused_cases_take_turns(self) -> None:
        gate = Gate(120)
        tried_together(gate, [(index, invalid(index)) for index in range(4)])
        await asyncio.sleep(1)
        try_(gate, 9)
        turns = []
        for _ in range(4):
            (turn,) = set(range(4)) - gate.waiting
            turns.append(turn)
            try_(gate, turn, invalid(turn))
            assert gate.waiting == set(range(4))
            await asyncio.sleep(10)
        assert turns == [0, 1, 2, 3]

    async def test_refused_cases_come_last_while_the_gate_is_closed(self) -> None:
        gate = Gate(120)
        tried_together(gate, [(index, invalid(index)) for index in range(2)])
        assert gate.last == {0, 1}
        await asyncio.sleep(1)
        try_(gate, 9)
        assert gate.last == frozenset()

    async def test_a_case_that_ended_loses_its_turn(self) -> None:
        gate = Gate(120)
        tried_together(gate, [(index, invalid(index)) for index in range(3)])
        await asyncio.sleep(1)
        try_(gate, 9)
        gate.look({0})
        assert gate.waiting == {2}
        assert gate.refusal is not None
        assert (gate.refusal.index, gate.refusal.alone) == (1, True)
        gate.look({0, 1, 2})
        assert not gate.waiting
        assert gate.refusal is None

    async def test_one_accepted_case_lets_all_be_retried(self) -> None:
        gate = Gate(120)
        tried_together(gate, [(index, invalid(index)) for index in range(4)])
        await asyncio.sleep(1)
        try_(gate, 0)
        assert (gate.waiting, gate.refusal) == (frozenset(), None)


class TestLasting:
    async def test_only_refusals_repeated_over_the_whole_period_have_lasted(self) -> None:
        gate = Gate(120)
        try_(gate, 0, invalid(0))
        for _ in range(11):
            await asyncio.sleep(10)
            try_(gate, 0, invalid(0))
            assert gate.refusal is not None
            assert not gate.refusal.lasted
        await asyncio.sleep(10)
        try_(gate, 0, invalid(0))
        assert gate.refusal is not None
        assert gate.refusal.lasted

    async def test_two_refusals_far_apart_have_not_lasted(self) -> None:
        gate = Gate(120)
        for index in (0, 1):
            try_(gate, index, invalid(index))
            assert gate.refusal is not None
            assert (gate.refusal.lasted, gate.refusal.others) == (False, False)
            await asyncio.sleep(3600)

    async def test_a_slow_refusal_does_not_interrupt_the_series(self) -> None:
        gate = Gate(120)
        for _ in range(4):
            with gate.attempt(0) as attempt:
                assert attempt is not None
                await asyncio.sleep(30)
                gate.refused(attempt, invalid(0))
            await asyncio.sleep(10)
        assert gate.refusal is not None
        assert gate.refusal.lasted

    async def test_the_gate_knows_whether_other_cases_are_refused_too(self) -> None:
        gate = Gate(120)
        for index, others in ((0, False), (0, False), (1, True), (0, True)):
            try_(gate, index, invalid(index))
            assert gate.refusal is not None
            assert gate.refusal.others is others
            await asyncio.sleep(10)

    async def test_time_without_another_refusal_does_not_make_it_last(self) -> None:
        gate = Gate(120)
        try_(gate, 0, invalid(0))
        await asyncio.sleep(600)
        assert gate.refusal is not None
        assert not gate.refusal.lasted

    async def test_a_different_answer_restarts_the_period(self) -> None:
        for other in (None, quota(1), down(1)):
            gate = Gate(120)
            try_(gate, 0, invalid(0))
            await asyncio.sleep(119)
            try_(gate, 1, other)
            await asyncio.sleep(20)
            try_(gate, 0, invalid(0))
            assert gate.refusal is not None
            assert not gate.refusal.lasted

    async def test_a_quota_never_lasts(self) -> None:
        gate = Gate(120)
        for _ in range(60):
            try_(gate, 0, quota(0))
            await asyncio.sleep(10)
        assert gate.refusal == quota(0)


async def test_the_named_case_stays_the_same_while_others_are_refused_too() -> None:
    gate = Gate(120)
    try_(gate, 0, invalid(0))
    for index in range(1, 5):
        await asyncio.sleep(10)
        try_(gate, index, invalid(index))
        assert gate.refusal == replace(invalid(0), others=True)


async def test_retries_and_new_cases_are_treated_alike() -> None:
    gate = Gate(120)
    try_(gate, 0, invalid(0))
    await asyncio.sleep(1)
    retries = [StartAttempt(job=a_job_fact(index)) for index in (0, 1)]
    assert gate.permitted(retries) == (retries[1],)


async def test_created_jobs_are_returned_once() -> None:
    gate = Gate(120)
    gate.created(1)
    assert gate.take_created() == {1}
    assert gate.take_created() == set()


async def test_a_creation_that_became_due_during_a_pass_is_due_at_once() -> None:
    gate = Gate(120)
    assert try_(gate, 0, invalid(0))
    await asyncio.sleep(0.999)
    gate.look()
    await asyncio.sleep(0.002)
    assert gate.until_retry() == (0.0, True)
    gate.look()
    assert gate.until_retry() == (None, False)
