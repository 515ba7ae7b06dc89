"""Creations that get no answer, or an error of the server."""

import asyncio
from dataclasses import replace

from simjob.runtime.executing.creationgate import Gate
from worlds.gating import create, down, tried_together, try_
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


class TestErrors:
    async def test_one_error_among_many_delays_its_own_case_for_a_second(self) -> None:
        gate = Gate(120)
        tried_together(gate, [(0, None), (1, down(1)), (2, None)])
        assert gate.under_way == {1}
        assert gate.until_retry() == (1.0, False)
        assert gate.permitted(create(3, 4)) == tuple(create(3, 4))
        assert gate.refusal is None
        await asyncio.sleep(1)
        assert gate.under_way == frozenset()

    async def test_repeated_errors_back_off(self) -> None:
        gate, start = Gate(120), asyncio.get_running_loop().time()
        times: list[int] = []
        while len(times) < 8:
            assert try_(gate, 0, down(0))
            times.append(round(asyncio.get_running_loop().time() - start))
            wait, _ = gate.until_retry()
            assert wait is not None
            await asyncio.sleep(wait)
        assert times == [0, 1, 3, 7, 15, 25, 35, 45]

    async def test_retry_after_is_honoured_up_to_a_limit(self) -> None:
        gate = Gate(120)
        try_(gate, 0, down(0), retry_after=7)
        assert gate.until_retry() == (7.0, False)
        gate = Gate(120)
        try_(gate, 0, down(0), retry_after=3600)
        assert gate.until_retry() == (10.0, False)

    async def test_a_lasting_error_is_reported(self) -> None:
        gate = Gate(120)
        try_(gate, 0, down(0))
        await asyncio.sleep(1)
        try_(gate, 0, down(0))
        assert gate.refusal is None
        await asyncio.sleep(2)
        try_(gate, 0, down(0))
        assert gate.refusal == down(0)
        await asyncio.sleep(4)
        try_(gate, 0)
        assert gate.refusal is None

    async def test_a_case_that_always_fails_is_named_while_others_continue(self) -> None:
        gate = Gate(120)
        for number in range(10):
            assert try_(gate, 0, down(0)) is True
            for other in range(100 * number + 1, 100 * number + 50):
                assert try_(gate, other)
            if number >= 2:
                assert gate.refusal == replace(down(0), alone=True)
            await asyncio.sleep(gate.until_retry()[0] or 0)
        assert gate.permitted(create(7, 8)) == tuple(create(7, 8)), "the gate is open"
        assert try_(gate, 0)
        assert gate.refusal is None

    async def test_the_named_case_stays_the_same_while_it_is_retried(self) -> None:
        gate = Gate(120)
        named = set()
        for _ in range(20):
            for index in (4, 5):
                try_(gate, index, down(index))
                try_(gate, 100)
            if gate.refusal:
                named.add(gate.refusal.index)
            await asyncio.sleep(10)
        assert named == {4}
        # Case 4 is cancelled.
        for _ in range(10):
            gate.look()
            try_(gate, 5, down(5))
            try_(gate, 100)
            await asyncio.sleep(10)
        assert gate.refusal == replace(down(5), alone=True)

    async def test_consecutive_errors_close_the_gate(self) -> None:
        gate = Gate(120)
        for index in range(8):
            assert try_(gate, index, down(index))
        assert not try_(gate, 8)
        assert gate.until_retry() == (1.0, True)

    async def test_a_success_among_errors_keeps_the_gate_open(self) -> None:
        gate = Gate(120)
        tried_together(gate, [(index, down(index) if index % 8 else None) for index in range(32)])
        assert gate.permitted(create(90, 91)) == tuple(create(90, 91))


class TestUnderWay:
    async def test_a_creation_is_under_way_until_its_answer(self) -> None:
        gate = Gate(120)
        with gate.attempt(3):
            assert gate.under_way == {3}
        assert gate.under_way == frozenset()

    async def test_a_creation_without_an_answer_for_eleven_seconds_is_reported(self) -> None:
        gate = Gate(120)
        with gate.attempt(3):
            assert (gate.refusal, gate.until_retry()) == (None, (11.0, False))
            await asyncio.sleep(11)
            refusal = gate.refusal
            assert refusal is not None
            assert (refusal.index, refusal.unavailable) == (3, True)
            assert gate.until_retry() == (None, False)
        assert gate.refusal is None
