"""A real node: a small machine made of namespaces, in which containerd, the kubelet and kube-proxy run.

Its first process holds the namespaces. When that ends, for whatever reason, the kernel ends all processes in it and
drops its mounts, interfaces and rules: nothing of a node can outlive it but its cgroups and its files.
"""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from cluster.control import kubeconfig
from cluster.control.components import ControlPlane
from cluster.control.pki import Pair
from cluster.errors import ClusterError
from cluster.host import packages
from cluster.host.processes import Processes
from cluster.life import state
from cluster.node import cgroups, settings
from cluster.node.network import Link
from cluster.report import tail

NAME = "real-0"
INIT = Path(__file__).parent / "init.sh"


@dataclass(frozen=True, slots=True)
class RealNode:
    """One cluster's real node."""

    control: ControlPlane
    processes: Processes

    def prepare(self) -> None:
        """Write certificates and configuration."""
        folder, addresses = self.control.state.node, self.control.facts.addresses
        for path in ("var/lib", "var/log", "cni"):
            (folder / path).mkdir(parents=True, exist_ok=True)
        authority = self.control.authority
        authority.server("kubelet-server", (NAME, str(addresses.node)))
        self._kubeconfig("kubelet", authority.client("kubelet", f"system:node:{NAME}", "system:nodes"))
        self._kubeconfig("kube-proxy", authority.client("kube-proxy", "system:kube-proxy"))
        plugin_folders = [str(path) for path in packages.CNI_FOLDERS]
        files = {
            "containerd.toml": settings.containerd(plugin_folders),
            "cni/10-pods.conflist": settings.pod_network(addresses),
            "kubelet.json": settings.kubelet(addresses, cgroups.name(self.control.state.id)),
            "kube-proxy.json": settings.kube_proxy(addresses, NAME),
            "resolv.conf": f"nameserver {addresses.host}\n",
        }
        for name, content in files.items():
            state.write_atomically(folder / name, content)

    def boot(self) -> bool:
        """Make the machine unless it runs; return whether it was made."""
        unshare = ["/usr/bin/unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--propagation=private"]
        programs = self.control.programs
        init = ["/bin/sh", str(INIT), str(self.control.state.folder), str(programs.folder), programs.place("pause")]
        if not self.processes.start("node", [*unshare, *init]):
            return False
        pid = self.processes.adopt_child("node")
        booted = Path(f"/proc/{pid}/root/run/simjob/booted")
        limit = time.monotonic() + 10
        while not booted.exists():
            if not self.processes.is_running("node") or time.monotonic() > limit:
                log = self.processes.log("node")
                raise ClusterError(f"the node didn't boot:\n{tail(log)}", f"the whole log: {log}")
            time.sleep(0.02)
        # What the last node left there is empty, and the kubelet would spend seconds on each pod of it.
        cgroups.remove(self.control.state.id)
        cgroups.create(self.control.state.id)
        Link(self.control.state.id).attach(pid, self.control.facts.addresses)
        return True

    def containerd(self) -> list[str]:
        return self.inside("containerd", f"--config={settings.STATE}/node/containerd.toml")

    def kubelet(self) -> list[str]:
        return self.inside(
            "kubelet",
            f"--config={settings.STATE}/node/kubelet.json",
            f"--kubeconfig={settings.STATE}/node/kubelet.kubeconfig",
            f"--hostname-override={NAME}",
            f"--node-ip={self.control.facts.addresses.node}",
        )

    def kube_proxy(self) -> list[str]:
        return self.inside("kube-proxy", f"--config={settings.STATE}/node/kube-proxy.json")

    def inside(self, program: str, *arguments: str) -> list[str]:
        """Return the command line that runs one of our programs in the node."""
        pid = self.processes.pid("node")
        if pid is None:
            raise ClusterError("the node isn't running", "start it: python -m cluster up")
        enter = ["/usr/bin/nsenter", f"--target={pid}", "--mount", "--net", "--pid", "--"]
        return [*enter, f"{settings.PROGRAMS}/{self.control.programs.place(program)}", *arguments]

    def containerd_answers(self) -> bool:
        return self._ctr("version").returncode == 0

    def images(self) -> list[str]:
        """List the images that pods can use."""
        return self._ctr("images", "list", "--quiet").stdout.decode().split()

    def load(self, archive: Path) -> None:
        """Import an image archive, docker's or OCI's; it keeps the name that the archive gives it."""
        with archive.open("rb") as content:
            done = self._ctr("images", "import", "--local", "-", stdin=content.fileno())
        if done.returncode != 0:
            raise ClusterError(f"containerd refuses {archive}: {done.stderr.decode().strip()}")

    def forget_containers(self) -> None:
        """Remove all containers from containerd's store, none of which may run; images stay.

        The kubelet's part of containerd has read the store when it started, so containerd must be restarted after this.
        """
        limit = time.monotonic() + 20
        while not self.containerd_answers():
            if time.monotonic() > limit:
                raise ClusterError("containerd does not answer after 20 s")
            time.sleep(0.1)
        known = self._ctr("containers", "list", "--quiet").stdout.decode().split()
        if known and (done := self._ctr("containers", "delete", *known)).returncode != 0:
            raise ClusterError(f"containerd keeps its containers: {done.stderr.decode().strip()}")

    def _ctr(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> "subprocess.CompletedProcess[bytes]":
        # The namespace is containerd's own; the kubelet looks in no other.
        command = self.inside("ctr", f"--address={settings.CONTAINERD_SOCKET}", "--namespace=k8s.io", *arguments)
        return subprocess.run(command, stdin=stdin, capture_output=True, check=False)

    def _kubeconfig(self, role: str, client: Pair) -> None:
        server = f"https://{self.control.facts.addresses.host}:{self.control.port}"
        path = self.control.state.node / f"{role}.kubeconfig"
        kubeconfig.write(path, server=server, authority=self.control.authority.certificate, client=client)
