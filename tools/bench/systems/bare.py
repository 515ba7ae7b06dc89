"""The bare client as a system, and the sweep that finds how many requests at a time suit it best."""

import time
from collections.abc import Sequence

import msgspec

from bench.children import Child
from bench.errors import TrialError
from bench.report.timeline import Change, Key, Sweep
from bench.shape import Shape
from bench.systems.bareclient import Answer, Command
from bench.world import World

CONCURRENCIES = (32, 64, 128, 256)


class Concurrency(msgspec.Struct, frozen=True):
    """Requests at a time for creating and for deleting, and what was found to say so: seconds by concurrency."""

    create: int = 64
    cancel: int = 64
    tried: dict[int, tuple[float, float]] = {}


class Bare:
    """Creates N Jobs and their N pods; its cancel deletes the pods, then the Jobs. It says nothing of itself."""

    name = "bare"
    asks = "bare"
    sweeps = ""
    health = ""

    def __init__(self, world: World, concurrency: Concurrency | None = None) -> None:
        self._world = world
        self._concurrency = concurrency or Concurrency()
        self._shapes: dict[Key, Shape] = {}
        self.child: Child | None = None

    async def start(self) -> None:
        """Start the client's process."""
        arguments = ["-m", "bench.systems.bareclient", str(self._world.accounts["bare"])]
        self.child = await Child.start("the bare client", arguments, self._world.folder / "bare.log", talks=True)

    async def stop(self) -> None:
        """End the process."""
        if self.child:
            await self.child.end()

    async def create(self, key: Key, shape: Shape) -> float:
        """Create all; the time is that of the first request."""
        self._shapes[key] = shape
        await self.command("prepare", key)
        return (await self.command("create", key)).started

    async def cancel(self, key: Key) -> float:
        """Delete all; the time is that of the first request."""
        return (await self.command("cancel", key)).started

    async def pods(self, key: Key, shape: Shape, nodes: int) -> Answer:
        """Create pods without Jobs, on `nodes` nodes in turn; 0 leaves it to the scheduler."""
        self._shapes[key] = shape
        await self.command("prepare", key)
        return await self.command("pods", key, nodes=nodes)

    def said_cancelled(self, sweep: Sweep) -> Change | None:
        """It has no object that could say so."""
        return None

    async def command(self, do: str, key: Key, *, concurrency: int = 0, nodes: int = 0) -> Answer:
        """Let the process do something and wait for it."""
        if self.child is None or self.child.process.stdin is None or self.child.process.stdout is None:
            raise TrialError("the bare client does not run")
        width = concurrency or (self._concurrency.cancel if do == "cancel" else self._concurrency.create)
        line = msgspec.json.encode(Command(do, key, self._shapes[key], width, nodes))
        self.child.process.stdin.write(line + b"\n")
        answered = await self.child.process.stdout.readline()
        if not answered:
            await self.child.process.wait()
            self.child.require()
        answer = msgspec.json.decode(answered, type=Answer)
        if answer.refused:
            raise TrialError(f"{answer.refused} requests of the bare client were refused")
        return answer

    def expect(self, key: Key, shape: Shape) -> None:
        """Say what sweep a key is, for `command`."""
        self._shapes[key] = shape


async def find_concurrency(world: World, cases: int, widths: Sequence[int] = CONCURRENCIES) -> Concurrency:
    """Create and delete `cases` cases with each width; keep those after which all ran, and had stopped, the soonest.

    Doubles as the warm-up of the cluster.
    """
    found: dict[int, tuple[float, float]] = {}
    client = Bare(world)
    await client.start()
    try:
        # The very first run is slow for every system, and does not count.
        for width in (widths[0], *widths):
            key = Key(await world.namespace("tune"), "tune")
            client.expect(key, Shape(cases=cases))
            await client.command("prepare", key)
            made = await client.command("create", key, concurrency=width)
            await world.observed.reach(key, lambda now: now.running == cases, 120, "pods do not run")
            running = time.monotonic() - made.started
            gone = await client.command("cancel", key, concurrency=width)
            await world.observed.reach(key, lambda now: now.present == 0, 120, "pods do not go")
            ended = [pod.ended for pod in world.observed.sweep(key).pods.values() if pod.ended is not None]
            found[width] = (round(running, 3), round(max(ended) - gone.started, 3))
    finally:
        await client.stop()
    create = min(found, key=lambda width: found[width][0])
    cancel = min(found, key=lambda width: found[width][1])
    return Concurrency(create, cancel, found)
