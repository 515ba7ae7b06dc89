"""The cluster's programs, built once from the Go module beside this package and kept in the user's cache."""

import hashlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from cluster.errors import ClusterError
from cluster.host import cache, toolchain
from cluster.options import Nodes

MODULE = Path(__file__).parent.parent / "go"

PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok",
    "kubelet": "k8s.io/kubernetes/cmd/kubelet",
    "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
    "containerd": "github.com/containerd/containerd/v2/cmd/containerd",
    "containerd-shim-runc-v2": "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
    "ctr": "github.com/containerd/containerd/v2/cmd/ctr",
    "pause": "./pause",
}

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
REAL_NODE = ("pause", "containerd", "containerd-shim-runc-v2", "ctr", "kubelet", "kube-proxy")


def needed(nodes: Nodes) -> tuple[str, ...]:
    """Name the programs of a cluster with these nodes."""
    real = REAL_NODE if nodes.has_real else ()
    fake = ("kwok",) if nodes.has_kwok else ()
    return (*CONTROL_PLANE, *fake, *real)


def build(names: Iterable[str], say: Callable[[str], None]) -> Path:
    """Return the folder that holds the programs, after building those that are missing."""
    folder = cache.folder() / content_hash(MODULE) / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        with cache.locked("build"):
            # Another process may have built some while this one waited.
            missing = [name for name in missing if not (folder / name).exists()]
            for number, name in enumerate(missing, start=1):
                _build_one(name, folder, f"building {name} ({number} of {len(missing)})", say)
    return folder


def content_hash(module: Path) -> str:
    """Name the build by all that goes into it."""
    digest = hashlib.sha256()
    sources = [module / "go.mod", module / "go.sum", *module.rglob("*.go")]
    for source in sorted(sources):
        digest.update(f"{source.relative_to(module)}\0".encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def kubernetes_version(module: Path) -> str:
    """Read the pinned version, for example v1.36.3."""
    found = re.search(r"^\s*k8s\.io/kubernetes (v\S+)", (module / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise ClusterError(f"{module / 'go.mod'} requires no k8s.io/kubernetes")
    return found[1]


def version_flags(version: str) -> str:
    """Give the linker what Kubernetes' own build gives it; without, clients see v0.0.0-master."""
    major, minor, _ = version.removeprefix("v").split(".", 2)
    variables = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    return "-s -w " + " ".join(f"-X k8s.io/component-base/version.{key}={value}" for key, value in variables.items())


def _build_one(name: str, folder: Path, doing: str, say: Callable[[str], None]) -> None:
    scratch = folder / f".{name}.{os.getpid()}"
    flags = ["-trimpath", "-buildvcs=false", "-ldflags", version_flags(kubernetes_version(MODULE))]
    command = [toolchain.go(), "build", *flags, "-o", str(scratch), PACKAGES[name]]
    log = folder.parent / f"{name}.log"
    say(f"{doing}; the first build of all takes about eight minutes on two cores")
    try:
        with log.open("w") as output:
            building = subprocess.Popen(
                command, cwd=MODULE, env=os.environ | {"CGO_ENABLED": "0"}, stdout=output, stderr=output
            )
            _wait(building, doing, say)
        if building.returncode != 0:
            raise ClusterError(f"{name} doesn't build:\n{tail(log)}", f"the whole output: {log}")
        # By rename: an interrupted build never looks complete.
        scratch.rename(folder / name)
    finally:
        scratch.unlink(missing_ok=True)


def _wait(building: "subprocess.Popen[bytes]", doing: str, say: Callable[[str], None]) -> None:
    started = time.monotonic()
    try:
        while True:
            try:
                building.wait(timeout=15)
            except subprocess.TimeoutExpired:
                say(f"{doing}: {time.monotonic() - started:.0f} s so far")
            else:
                return
    except KeyboardInterrupt:
        building.terminate()
        building.wait()
        raise


def tail(log: Path, lines: int = 15) -> str:
    """Return a log's last lines, indented."""
    if not log.exists():
        return "    (no log)"
    return "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-lines:])
