"""Every component of a cluster by name: what it is started with, in the order of starting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cluster.control.components import ControlPlane
from cluster.host.processes import Processes
from cluster.kwok import fakenodes
from cluster.life.state import State
from cluster.node.realnode import RealNode

Commands = Mapping[str, Callable[[], list[str]]]


def processes_of(state: State) -> Processes:
    return Processes(state.id, state.processes, state.logs)


@dataclass(frozen=True, slots=True)
class Components:
    """The components that a cluster's facts ask for."""

    control: ControlPlane
    processes: Processes

    @property
    def node(self) -> RealNode:
        return RealNode(self.control, self.processes)

    def storage(self) -> Commands:
        """Name what the API is made of."""
        return {"etcd": self.control.etcd, "kube-apiserver": self.control.kube_apiserver}

    def controllers(self) -> Commands:
        """Name what can only work once the API answers."""
        commands: dict[str, Callable[[], list[str]]] = {
            "kube-controller-manager": self.control.kube_controller_manager,
            "kube-scheduler": self.control.kube_scheduler,
        }
        if self.control.nodes.has_kwok:
            commands["kwok"] = self._kwok
        return commands

    def on_node(self) -> Commands:
        """Name what runs inside the real node."""
        if not self.control.nodes.has_real:
            return {}
        node = self.node
        return {"containerd": node.containerd, "kubelet": node.kubelet, "kube-proxy": node.kube_proxy}

    def names(self) -> list[str]:
        machine = ["node"] if self.control.nodes.has_real else []
        return [*self.storage(), *self.controllers(), *machine, *self.on_node()]

    def start(self, name: str) -> bool:
        """Start one component unless it runs as wanted; return whether it was started."""
        if name == "node" and self.control.nodes.has_real:
            return self.node.boot()
        inside = self.on_node()
        if name in inside:
            started = self.processes.start(name, inside[name]())
            if started:
                self.processes.adopt_child(name)
            return started
        return self.processes.start(name, {**self.storage(), **self.controllers()}[name]())

    def _kwok(self) -> list[str]:
        return fakenodes.command(self.control.state.folder, self.control.programs.path("kwok"), self.control.nodes)
