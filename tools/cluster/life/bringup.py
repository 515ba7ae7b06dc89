"""`up`: bring any state of a cluster to one that accepts pods."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from cluster import versions
from cluster.components import Components, processes_of
from cluster.control import components as control
from cluster.control.api import Api, is_held_back, is_ready
from cluster.control.components import ControlPlane
from cluster.errors import ClusterError
from cluster.host import addresses, binaries, cache, packages
from cluster.host.binaries import Programs
from cluster.host.processes import Processes
from cluster.images import oci
from cluster.kwok import fakenodes
from cluster.life.state import Facts, State
from cluster.node import realnode, settings
from cluster.options import Nodes, Options
from cluster.report import Report, tail

# A busy machine with two cores needs 20 s for all of it. More time would not help.
PATIENCE_SECONDS = 120.0
POLL_SECONDS = 0.1


@dataclass(slots=True)
class BringUp:
    """One run of `up`. What it started is in `started`, so that an interrupted run can take it back."""

    options: Options
    state: State
    report: Report
    started: list[str] = field(default_factory=list)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def processes(self) -> Processes:
        return processes_of(self.state)

    def run(self) -> None:
        """Bring the cluster up. What runs as wanted is kept, the rest is started."""
        self._refuse_downgrade()
        programs = self._programs()
        facts = self._facts()
        plane = ControlPlane(self.state, facts, programs)
        parts = Components(plane, self.processes)
        plane.prepare()
        self._stop_unwanted(parts)
        self._start(parts, parts.storage())
        if plane.nodes.has_real:
            self._boot_node(parts)
        with plane.api() as api:
            self._wait("the API server", api.is_ready, parts.storage())
            if "kube-apiserver" in self.started:
                self._stop_clients(parts)
            self._start(parts, parts.controllers())
            self._start(parts, parts.on_node())
            self._register_nodes(facts, api)
            self._wait_usable(facts, parts, api)
        self.report.step(f"ready: export KUBECONFIG={self.state.kubeconfig}")

    def take_back(self) -> None:
        """Stop what this run started, last first."""
        for name in reversed(self.started):
            self.processes.stop(name, grace=3.0)

    def _programs(self) -> Programs:
        if self.options.nodes.has_real:
            packages.ensure(self.report.step)
        return binaries.provide(binaries.needed(self.options.nodes), self.report, self.options.kubernetes)

    def _refuse_downgrade(self) -> None:
        """Raise ClusterError if a newer Kubernetes has written the cluster's data: an older one may not read them."""
        before = self.state.facts().kubernetes if self.state.exists else ""
        wanted = self.options.kubernetes
        if before and versions.numbers(wanted) < versions.numbers(before):
            raise ClusterError(
                f"the cluster in {self.state.folder} has the data of Kubernetes {before}, and {wanted} is older",
                f"remove it first: python -m cluster down --state {self.state.folder}; or use another STATE",
            )

    def _facts(self) -> Facts:
        """Choose addresses and ports at the first run; keep them afterwards, as kubeconfigs that are out name them."""
        if self.state.exists:
            facts = self.state.facts()
            if not any(self.processes.is_running(name) for name in self.processes.names()):
                facts = replace(facts, ports=_usable_ports(facts.ports))
        else:
            block, ports = self._claim_network(), addresses.free_ports(control.PORTS)
            facts = Facts(block=block, ports=ports, nodes="", kwok_nodes=0, kcm_qps=0)
        asked = self.options
        facts = replace(
            facts,
            nodes=asked.nodes.value,
            kwok_nodes=asked.kwok_nodes,
            kcm_qps=asked.kcm_qps,
            kubernetes=asked.kubernetes,
        )
        self.state.write_facts(facts)
        return facts

    def _claim_network(self) -> str:
        with cache.locked("networks"):
            block = addresses.free_block([*cache.claimed_networks(), *addresses.routed_networks()])
            cache.claim(self.state.id, self.state.folder, block.network)
        return str(block.network)

    def _stop_unwanted(self, parts: Components) -> None:
        """Stop what an earlier run was asked for and this one isn't."""
        for name in self.processes.names():
            if name not in parts.names() and self.processes.is_running(name):
                self.processes.stop(name)
                self.report.step(f"{name} stopped: not part of NODES={self.options.nodes}")

    def _stop_clients(self, parts: Components) -> None:
        """Stop what waited for the API server while it was away: it would look again only after half a minute."""
        for name in [*parts.controllers(), "kubelet", "kube-proxy"]:
            self.processes.stop(name)

    def _start(self, parts: Components, names: Iterable[str]) -> None:
        fresh = []
        for name in names:
            if parts.start(name):
                fresh.append(name)
                self.started.append(name)
        if fresh:
            self.report.step(f"started {', '.join(fresh)}")

    def _boot_node(self, parts: Components) -> None:
        """Make the node and fill its image store while the API server is still starting."""
        node = parts.node
        node.prepare()
        self._start(parts, ["node", "containerd"])
        self._wait("containerd", node.containerd_answers, ["node", "containerd"])
        present = node.images()
        archives: dict[str, Callable[[Path], None]] = {
            settings.SANDBOX_IMAGE: lambda path: oci.pause_image(
                path, settings.SANDBOX_IMAGE, parts.control.programs.path("pause")
            ),
            oci.BUSYBOX: oci.busybox_image,
            oci.SAMPLES: lambda path: oci.busybox_image(path, oci.SAMPLES),
        }
        for reference, write in archives.items():
            if reference not in present:
                archive = self.state.node / "image.tar"
                write(archive)
                node.load(archive)
                archive.unlink()
                self.report.step(f"loaded the image {reference}")

    def _register_nodes(self, facts: Facts, api: Api) -> None:
        """Make the API's nodes those that were asked for; the real one registers itself."""
        if self.options.nodes.has_kwok:
            fakenodes.register(api, self.options.nodes, facts.kwok_nodes)
        for node in set(api.nodes()) - _wanted_nodes(facts):
            if node == realnode.NAME or fakenodes.is_name(node):
                api.ask("DELETE", f"/api/v1/nodes/{node}")

    def _wait_usable(self, facts: Facts, parts: Components, api: Api) -> None:
        wanted = _wanted_nodes(facts)
        if wanted:
            self._wait("the nodes", lambda: self._all_ready(api, wanted), parts.names())
        self._wait("the default service account", api.has_default_account, parts.names())

    def _all_ready(self, api: Api, wanted: set[str]) -> bool:
        if "kubelet" in self.started and not api.has_reported_since(realnode.NAME, self.began):
            return False
        nodes = api.nodes()
        if not all(name in nodes and is_ready(nodes[name]) for name in wanted):
            return False
        fakenodes.release(api, self.options.nodes)
        return not any(is_held_back(node) for name, node in api.nodes().items() if name in wanted)

    def _wait(self, what: str, is_there: Callable[[], bool], needed: Iterable[str]) -> None:
        watched = list(needed)
        limit = time.monotonic() + PATIENCE_SECONDS
        while not is_there():
            for name in watched:
                if not self.processes.is_running(name):
                    raise self._failure(f"{name} has ended while waiting for {what}", name)
            if time.monotonic() > limit:
                raise self._failure(f"still no sign of {what} after {PATIENCE_SECONDS:.0f} s", watched[-1])
            time.sleep(POLL_SECONDS)
        self.report.step(f"{what}: ready")

    def _failure(self, message: str, name: str) -> ClusterError:
        log = self.processes.log(name)
        return ClusterError(
            f"{message}; the end of its log:\n{tail(log)}",
            f"whole log: {log}. Try again: python -m cluster up --state {self.state.folder}; "
            f"start afresh: python -m cluster down --state {self.state.folder}, then up",
        )


def _wanted_nodes(facts: Facts) -> set[str]:
    """Name the nodes that a cluster should have."""
    nodes = Nodes(facts.nodes)
    fake = {fakenodes.name(index) for index in range(facts.kwok_nodes)} if nodes.has_kwok else set()
    return fake | ({realnode.NAME} if nodes.has_real else set())


def _usable_ports(ports: dict[str, int]) -> dict[str, int]:
    """Replace the ports that another program has taken since."""
    lost = [name for name, port in ports.items() if not addresses.is_free(port)]
    return {**ports, **addresses.free_ports(lost, taken=ports.values())}
