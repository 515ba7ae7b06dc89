import asyncio

from simjob.runtime.process.probes import Lag
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


async def test_a_late_loop_is_reported_until_it_is_on_time_again() -> None:
    hung = 0.0
    lag = Lag(monotonic=lambda: asyncio.get_running_loop().time() + hung)
    task = asyncio.create_task(lag.run())
    await asyncio.sleep(0.5)
    assert lag.check()() is None
    hung = 7.0
    await asyncio.sleep(1)
    assert lag.check()() == "event loop: 7.0 s late"
    await asyncio.sleep(1)
    assert lag.check()() is None
    task.cancel()
