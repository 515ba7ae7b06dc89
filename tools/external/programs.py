"""Programs of other projects in the user's cache. A Go module in `go` pins each tool; a new pin is a new build."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster.errors import ClusterError
from cluster.host import binaries, cache, gobuild, toolchain
from cluster.report import Report

GO: Final = Path(__file__).parent / "go"
# A tool may need a newer Go than the project. Go then fetches the one that the module names, like any other module.
_ANY_GO: Final = {"GOTOOLCHAIN": "auto"}


@dataclass(frozen=True, slots=True)
class Tool:
    """A Go module that pins a tool, and the package of each program of it."""

    module: Path
    packages: Mapping[str, str]
    ldflags: str = "-s -w"

    @property
    def folder(self) -> Path:
        """Return where the programs are, or will be after a build."""
        return cache.folder() / f"{self.module.name}-{binaries.content_hash(self.module)}" / binaries.BUILT

    def missing(self) -> list[str]:
        """Name the programs that are not built yet."""
        return [name for name in self.packages if not (self.folder / name).exists()]


TOOLS: Final[Mapping[str, Tool]] = {
    "argocd": Tool(GO / "argocd", {"argocd": "github.com/argoproj/argo-cd/v3/cmd"}),
    "helm": Tool(GO / "helm", {"helm": "helm.sh/helm/v4/cmd/helm"}),
    "kueue": Tool(GO / "kueue", {"kueue": "sigs.k8s.io/kueue/cmd/kueue"}),
    "kustomize-controller": Tool(
        GO / "kustomize-controller", {"kustomize-controller": "github.com/fluxcd/kustomize-controller"}
    ),
    "source-controller": Tool(GO / "source-controller", {"source-controller": "github.com/fluxcd/source-controller"}),
}


def provide(tool: Tool, report: Report) -> Path:
    """Return the folder with the programs of a tool, after building those that are not in the cache."""
    if tool.missing():
        with cache.locked("build"):
            # Another process may have built some while this one waited.
            if missing := tool.missing():
                packages = {name: tool.packages[name] for name in missing}
                gobuild.Build(tool.module, packages, tool.folder, report, environment=_ANY_GO).run(tool.ldflags)
    return tool.folder


def source(tool: Tool, module: str) -> Path:
    """Return the folder with the sources of a module that a tool is built from, after fetching them if need be."""
    command = [toolchain.go(), "mod", "download", "-json", module]
    environment = os.environ | _ANY_GO
    done = subprocess.run(command, cwd=tool.module, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"the sources of {module} cannot be fetched: {done.stdout}{done.stderr}")
    return Path(json.loads(done.stdout)["Dir"])
