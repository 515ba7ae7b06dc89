"""Clusters as tests, benchmarks and the demo use them."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from cluster import kind, versions
from cluster.components import Components, processes_of
from cluster.control.components import ControlPlane
from cluster.errors import ClusterError
from cluster.host import addresses, binaries, toolchain
from cluster.host.processes import wait_gone
from cluster.kubectl import Kubectl
from cluster.life import teardown
from cluster.life.bringup import BringUp
from cluster.life.state import State, write_atomically
from cluster.options import Nodes, Options, Provider
from cluster.report import Report


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that was brought up."""

    state: State
    report: Report = field(default_factory=lambda: Report(quiet=True))

    @classmethod
    def load(cls, folder: Path = Path(".cluster")) -> "Cluster":
        """Find the cluster in a state folder."""
        state = State.at(folder)
        state.facts()
        return cls(state)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.state.kubeconfig

    @property
    def kubectl(self) -> str:
        """The kubectl to use."""
        return toolchain.kubectl()

    @property
    def kubernetes(self) -> str:
        """The version of Kubernetes that the cluster was brought up with."""
        return self.state.facts().kubernetes or versions.pinned()

    def run_kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as administrator; return what it prints."""
        return Kubectl(self.kubectl, self.kubeconfig).run(*arguments, stdin=stdin)

    def components(self) -> dict[str, int | None]:
        """Give each component its pid, None if it isn't running."""
        if self._is_kind:
            return {}
        processes = processes_of(self.state)
        return {name: processes.pid(name) for name in self._components().names()}

    def start(self, component: str) -> None:
        """Start a component as `up` does; nothing happens if it runs. `node` alone is an empty machine."""
        self._components().start(self._known(component))

    def stop(self, component: str) -> None:
        """End a component by SIGTERM and wait for it."""
        processes_of(self.state).stop(self._known(component))
        self._wait_for_node(component)

    def kill(self, component: str) -> None:
        """End a component by SIGKILL. To kill `node` is to pull its plug: everything on it goes too."""
        processes_of(self.state).kill(self._known(component))
        self._wait_for_node(component)

    def reboot(self, *, forget_containers: bool = False) -> None:
        """Pull the real node's plug and start it again; return when its kubelet reports.

        containerd still knows the containers that ran, unless it is made to forget them.
        """
        self.kill("node")
        if forget_containers:
            self.start("node")
            self.start("containerd")
            self._components().node.forget_containers()
            self.kill("containerd")
        facts = self.state.facts()
        options = Options(
            state=self.state.folder,
            nodes=Nodes(facts.nodes),
            kwok_nodes=facts.kwok_nodes,
            kcm_qps=facts.kcm_qps,
            kubernetes=self.kubernetes,
        )
        up(options, self.report)

    def audit(self, policy: str) -> Path:
        """Restart the API server with an audit policy, unless it has it; return the path of its log."""
        plane = self._components().control
        if write_atomically(plane.audit_policy, policy):
            self.kill("kube-apiserver")
            # A killed process counts as ended some milliseconds before the kernel has closed its sockets.
            limit = time.monotonic() + 10
            while not addresses.is_free(plane.port) and time.monotonic() < limit:
                time.sleep(0.05)
        self.start("kube-apiserver")
        return plane.audit_log

    def load_image(self, archive: Path) -> None:
        """Give the real node an image, from a docker or OCI archive."""
        if self._is_kind:
            kind.load(self.state, archive)
            return
        parts = self._components()
        if not parts.control.nodes.has_real:
            raise ClusterError("this cluster has no real node to load an image into", "bring it up with --nodes real")
        parts.node.load(archive)

    def down(self) -> None:
        """Remove the cluster and all that belongs to it."""
        remove(self.state, self.report)

    @property
    def _is_kind(self) -> bool:
        return self.state.facts().provider == Provider.KIND

    def _components(self) -> Components:
        programs = binaries.provide((), self.report, self.kubernetes)
        return Components(ControlPlane(self.state, self.state.facts(), programs), processes_of(self.state))

    def _wait_for_node(self, component: str) -> None:
        """Wait until the kernel has ended what was on a node that has just ended."""
        if component == "node":
            inside = [self.components()[name] for name in self._components().on_node()]
            wait_gone([pid for pid in inside if pid is not None], seconds=10)

    def _known(self, component: str) -> str:
        names = self.components()
        if component not in names:
            raise ClusterError(f"this cluster has no component {component!r}, but {', '.join(names)}")
        return component


def up(options: Options, report: Report | None = None) -> Cluster:
    """Bring up a cluster, or repair the existing one; return when it accepts pods.

    An interrupted run takes back what it started: all of a new cluster, the fresh components of an old one.
    """
    report = report or Report()
    state = State.at(options.state)
    if options.provider is Provider.KIND:
        kind.up(state, report, options.kubernetes)
        return Cluster(state, report)
    is_new = not state.exists
    state.create()
    run = BringUp(options, state, report)
    try:
        with state.locked():
            run.run()
    except KeyboardInterrupt:
        report.step("interrupted: taking back what this run started")
        if is_new:
            teardown.down(state, report)
        else:
            run.take_back()
        raise
    return Cluster(state, report)


def remove(state: State, report: Report) -> None:
    """Remove whatever there is of a cluster, even if its folder is half made or gone."""
    if state.exists and state.facts().provider == Provider.KIND:
        kind.down(state, report)
    else:
        teardown.down(state, report)
