"""The cluster's programs in the user's cache: taken from Kubernetes' download site, or built from source.

All are pinned by the Go module beside this package, except those of another version of Kubernetes. The programs of
Kubernetes are published, and take more than half of the time that building all of them takes.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from cluster import versions
from cluster.host import cache, download, gobuild, kubernetesmodule
from cluster.host.download import Site
from cluster.options import Nodes
from cluster.report import Report
from cluster.versions import MODULE

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
PUBLISHED = tuple(name for name, package in PACKAGES.items() if package.startswith("k8s.io/kubernetes/"))

BUILT = "bin"


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the programs are: a folder for each origin, below one that is named by the hash of the Go module.

    Those of another version of Kubernetes are below `kubernetes`, which is then a folder of that version.
    """

    folder: Path
    site: str = ""
    kubernetes: Path | None = None

    def home(self, name: str) -> Path:
        """Return the folder that has a folder for each origin of the program."""
        return self.kubernetes if self.kubernetes and name in PUBLISHED else self.folder

    def place(self, name: str) -> str:
        """Return the path of a program below its home. What was downloaded from the site comes first."""
        places = [f"{self.downloads}/{name}", f"{BUILT}/{name}"] if self.site else [f"{BUILT}/{name}"]
        return next((place for place in places if (self.home(name) / place).exists()), places[-1])

    def path(self, name: str) -> Path:
        return self.home(name) / self.place(name)

    def has(self, name: str) -> bool:
        return self.path(name).exists()

    @property
    def downloads(self) -> str:
        """Return the name of the folder for what came from the site, which has the site's whole address in it."""
        return f"{BUILT}-from-{quote(self.site, safe='')}"


def needed(nodes: Nodes) -> tuple[str, ...]:
    """Name the programs of a cluster with these nodes."""
    real = REAL_NODE if nodes.has_real else ()
    fake = ("kwok",) if nodes.has_kwok else ()
    return (*CONTROL_PLANE, *fake, *real)


def provide(names: Iterable[str], report: Report, kubernetes: str) -> Programs:
    """Return where the programs are, after downloading or building those that are not in the cache."""
    site = download.site_from_environment(kubernetes)
    other = cache.folder() / f"kubernetes-{kubernetes}" if kubernetes != versions.pinned() else None
    programs = Programs(cache.folder() / content_hash(MODULE), site.base if site else "", other)
    wanted = list(names)
    if not all(map(programs.has, wanted)):
        with cache.locked("build"):
            # Another process may have provided some while this one waited.
            missing = [name for name in wanted if not programs.has(name)]
            if site is not None:
                _download([name for name in missing if name in PUBLISHED], site, programs, report)
            _build([name for name in missing if not programs.has(name)], programs, kubernetes, report)
    return programs


def content_hash(module: Path) -> str:
    """Name the build by all that goes into it."""
    digest = hashlib.sha256()
    sources = [module / "go.mod", module / "go.sum", *module.rglob("*.go")]
    for source in sorted(sources):
        digest.update(f"{source.relative_to(module)}\0".encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def version_flags(version: str) -> str:
    """Give the linker what Kubernetes' own build gives it; without, clients see v0.0.0-master."""
    major, minor, _ = version.removeprefix("v").split(".", 2)
    variables = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    return "-s -w " + " ".join(f"-X k8s.io/component-base/version.{key}={value}" for key, value in variables.items())


def _download(names: Sequence[str], site: Site, programs: Programs, report: Report) -> None:
    """Download programs. One that fails is left to be built; after the site has failed, all others are."""
    for number, name in enumerate(names, start=1):
        title = f"downloading {name} ({number} of {len(names)})"
        try:
            site.fetch(name, programs.home(name) / programs.downloads, partial(_show, report, title))
        except download.UnusableFileError as problem:
            report.step(f"{problem}; it is built from source")
        except download.NoSiteError as problem:
            report.step(f"{problem}; built from source: {', '.join(names[number - 1 :])}")
            return
        else:
            report.step(f"downloaded {name} ({number} of {len(names)}), with the checksum that is published")


def _show(report: Report, title: str, share: str) -> None:
    report.progress(f"{title}: {share}")


def _build(names: Sequence[str], programs: Programs, kubernetes: str, report: Report) -> None:
    """Build programs: of the pinned module those at home there, of a module of its own another Kubernetes."""
    own = {name: PACKAGES[name] for name in names if programs.home(name) == programs.folder}
    if own:
        gobuild.Build(MODULE, own, programs.folder / BUILT, report).run(version_flags(versions.pinned()))
    other = {name: PACKAGES[name] for name in names if name not in own}
    if other and programs.kubernetes:
        module = programs.kubernetes / "module"
        kubernetesmodule.write(kubernetes, module)
        build = gobuild.Build(
            module,
            other,
            programs.kubernetes / BUILT,
            report,
            oldest_go=kubernetesmodule.needed_go(module),
            flags=kubernetesmodule.FLAGS,
        )
        build.run(version_flags(kubernetes))
