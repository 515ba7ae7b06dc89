"""The run: a cluster, the accounts, the observer; then every trial of the plan, one after the other."""

import asyncio
import gzip
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cluster import provider
from cluster.kubectl import wait_established
from cluster.life.state import State, write_atomically
from cluster.options import Nodes, Options
from cluster.provider import Cluster
from cluster.report import Report
from integration.conftest import wait_ready
from integration.support.client import Client
from integration.support.installation import MANIFESTS, install

from bench import connection, machine, trial
from bench.errors import BenchError
from bench.observing import access
from bench.observing.audit import POLICY, Audit
from bench.observing.watching import Observed
from bench.plan import Line, Planned
from bench.report import table
from bench.report.measures import MEANINGS
from bench.report.results import Run, Trial
from bench.systems import plain, plain_operator, simjob
from bench.systems.bare import Bare, Concurrency, find_concurrency
from bench.systems.indexed import Indexed, IndexedDelete
from bench.systems.plain import Plain
from bench.systems.simjob import SimJob
from bench.systems.system import System
from bench.world import NODES, World

AGENT = "simjob-bench-driver"
_Trials = list[tuple[Planned, Trial]]
ACCOUNTS = ("observer", "driver", "bare", "plain", "user")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What to run. Empty `systems` or `sizes` (in cases) mean all."""

    scenarios: tuple[Planned, ...]
    systems: tuple[str, ...]
    sizes: tuple[int, ...]
    qps: tuple[int, ...]
    repeats: int
    quick: bool
    state: Path
    folder: Path
    keep: bool
    profile: bool
    checkout: Path
    command: str


def run(wishes: Wishes) -> Run:
    """Make all trials, a fresh cluster for each QPS. What has been measured is written after each trial."""
    planned = [trials for qps in wishes.qps if (trials := list(_blanks(qps, wishes)))]
    if not planned:
        raise BenchError("nothing to measure: no line of the plan has these scenarios, systems, sizes and QPS")
    report = Report()
    made = Run(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        command=wishes.command,
        commit=machine.commit(wishes.checkout),
        quick=wishes.quick,
        repeats=wishes.repeats,
        machine=machine.machine(),
        versions=machine.versions(),
    )
    wishes.folder.mkdir(parents=True, exist_ok=True)
    report.step(f"{sum(map(len, planned))} trials")
    if made.commit.endswith("+"):
        report.step("there are changes that are not committed: docs/benchmarks.md cannot be made of this run")
    for trials in planned:
        with _cluster(wishes, trials[0][1].qps, report) as cluster:
            asyncio.run(_measure(cluster, trials, wishes, made, report))
    made.complete = True
    write(made, wishes.folder / "results.json")
    return made


def _lines(planned: Planned, wishes: Wishes) -> tuple[Line, ...]:
    lines = planned.quick if wishes.quick else planned.lines
    return tuple(line for line in lines if not wishes.sizes or line.shape.cases in wishes.sizes)


async def _measure(cluster: Cluster, trials: _Trials, wishes: Wishes, made: Run, report: Report) -> None:
    """Make the trials of one QPS."""
    async with _world(cluster, report, wishes.folder if wishes.profile else None, wishes.checkout) as world:
        best = Concurrency()
        if any(blank.system == "bare" for _, blank in trials):
            best = await _best(world, wishes)
            made.concurrency[trials[0][1].qps] = (best.create, best.cancel)
        rehearsed: set[str] = set()
        for planned, blank in trials:
            if planned.rehearsed and planned.name not in rehearsed:
                rehearsed.add(planned.name)
                world.say(f"rehearsal, {table.heading(blank.row)}: it does not count")
                await trial.run(world, _system(blank.system, world, best, planned), planned.run, blank)
            which = f"trial {len(made.trials) + 1}, {table.heading(blank.row)}"
            world.say(f"{which}: {blank.system}, {blank.repeat + 1} of {wishes.repeats}")
            found = await trial.run(world, _system(blank.system, world, best, planned), planned.run, blank)
            made.trials.append(found)
            made.seconds = round(time.monotonic() - report.started, 1)
            world.say(f"    {_summary(found)}")
            _keep(made, found, world, wishes.folder)


async def _best(world: World, wishes: Wishes) -> Concurrency:
    world.say("warming up, looking for the bare client's best concurrency")
    best = await find_concurrency(world, 100, (32, 64, 128)) if wishes.quick else await find_concurrency(world, 300)
    world.say(f"bare client: {best.create} requests at a time to create, {best.cancel} to delete {best.tried}")
    return best


def _blanks(qps: int, wishes: Wishes) -> Iterator[tuple[Planned, Trial]]:
    """Give the trials that are to be made at this QPS, in their order."""
    for planned in wishes.scenarios:
        for line in _lines(planned, wishes):
            if qps not in line.qps:
                continue
            systems = [name for name in line.systems if name in (wishes.systems or line.systems)]
            for repeat in range(wishes.repeats):
                for name in _turned(systems, repeat):
                    yield planned, Trial(scenario=planned.name, system=name, shape=line.shape, qps=qps, repeat=repeat)


def _keep(made: Run, found: Trial, world: World, folder: Path) -> None:
    """Write the results so far, and what the observer saw in this trial."""
    write(made, folder / "results.json")
    seen = world.observed.timeline.changes
    (folder / f"{found.name}.jsonl.gz").write_bytes(
        gzip.compress(b"\n".join(msgspec.json.encode(change) for change in seen), 1)
    )


def _turned(systems: Sequence[str], by: int) -> list[str]:
    """Let another system begin in each repeat, so that none always comes after the same."""
    by = by % len(systems) if systems else 0
    return [*systems[by:], *systems[:by]]


def _system(name: str, world: World, best: Concurrency, planned: Planned) -> System:
    if name == "bare":
        return Bare(world, best)
    if name == "simjob":
        return SimJob(world, election=planned.election)
    made: dict[str, Callable[[World], System]] = {
        "indexed": Indexed,
        "indexed-delete": IndexedDelete,
        "plain": Plain,
    }
    return made[name](world)


def _summary(found: Trial) -> str:
    if found.problem:
        return f"PROBLEM: {found.problem}"
    return ", ".join(f"{name} {table.number(value, MEANINGS[name])}" for name, value in found.measures.items())


def write(made: Run, path: Path) -> None:
    """Write the results as JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1))


def read(path: Path) -> Run:
    """Read what `write` wrote. BenchError if it is missing or is something else."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Run)
    except OSError as error:
        raise BenchError(f"{path}: {error.strerror}; a run writes results.json into its --output") from error
    except msgspec.DecodeError as error:
        raise BenchError(f"{path} holds no results of a run: {error}") from error


@contextmanager
def _cluster(wishes: Wishes, qps: int, report: Report) -> Iterator[Cluster]:
    """Bring a cluster up for one QPS, with an audit log; remove it afterwards, whatever happens."""
    options = Options(state=wishes.state, nodes=Nodes.KWOK, kwok_nodes=NODES, kcm_qps=qps)
    # There before the API server starts, the policy spares it a second start.
    state = State.at(wishes.state)
    state.create()
    write_atomically(state.folder / "audit-policy.yaml", POLICY)
    cluster = provider.up(options, report)
    try:
        yield cluster
    finally:
        # A second Ctrl-C must not leave half of it behind.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        if not wishes.keep:
            report.step("remove the cluster")
            cluster.down()
        signal.signal(signal.SIGINT, before)


@asynccontextmanager
async def _world(cluster: Cluster, report: Report, profiles: Path | None, checkout: Path) -> AsyncIterator[World]:
    """Make the accounts, install what is measured, and start the observer."""
    audit = Audit(cluster.audit(POLICY))
    wait_ready(cluster)
    accounts = {name: access.make(cluster, name) for name in ACCOUNTS} | {"operator": _operator(cluster, checkout)}
    _serve_sweeps(cluster)
    logs, paths = cluster.state.logs, (simjob.PATH, plain.PATH)
    async with (
        connection.session(accounts["driver"], AGENT) as http,
        Observed.running(accounts["observer"], paths, logs / "observer.log", report.step) as observed,
    ):
        yield World(
            cluster=cluster,
            http=http,
            observed=observed,
            audit=audit,
            accounts=accounts,
            folder=logs,
            say=report.step,
            profiles=profiles,
            checkout=checkout,
        )


def _operator(cluster: Cluster, checkout: Path) -> Path:
    client = Client(cluster)
    try:
        return install(cluster, client, checkout / MANIFESTS.name)
    finally:
        client.close()


def _serve_sweeps(cluster: Cluster) -> None:
    text = msgspec.json.encode(plain.CRD).decode()
    cluster.run_kubectl("apply", "--server-side", "-f", "-", stdin=text)
    wait_established(cluster.run_kubectl, plain_operator.PLURAL, plain_operator.GROUP)
