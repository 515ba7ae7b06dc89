"""The programs of the distribution that a real node needs."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from cluster.errors import ClusterError

CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))

# Debian's package for each program.
PROGRAMS = {
    "runc": "runc",
    "nft": "nftables",
    "ip": "iproute2",
    "mount": "mount",
    "unshare": "util-linux",
    "busybox": "busybox-static",
}
PLUGINS = {"ptp": "containernetworking-plugins", "host-local": "containernetworking-plugins"}

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def ensure(say: Callable[[str], None]) -> None:
    """Install what a real node lacks, where that can be done; else name it all at once."""
    if os.geteuid() != 0:
        raise ClusterError(
            "a real node needs root: it makes namespaces, mounts and cgroups",
            "run it as root, or take fake nodes: --nodes kwok",
        )
    lacking = missing()
    if lacking and shutil.which("apt-get"):
        say(f"installing the Debian packages {' '.join(lacking)}")
        install(lacking)
        lacking = missing()
    if lacking:
        raise ClusterError(
            f"these Debian packages are missing: {' '.join(lacking)}",
            "install them, or what your distribution calls them; or take fake nodes: --nodes kwok",
        )


def missing() -> list[str]:
    """Name the Debian packages whose programs aren't there."""
    packages = {package for program, package in PROGRAMS.items() if not shutil.which(program, path=SEARCH_PATH)}
    packages |= {package for plugin, package in PLUGINS.items() if not has_plugin(plugin)}
    return sorted(packages)


def has_plugin(name: str) -> bool:
    """Say whether a network plugin is installed."""
    return any((folder / name).exists() for folder in CNI_FOLDERS)


def install(packages: list[str]) -> None:
    """Install packages of the distribution; raise ClusterError with the words of apt-get if that fails."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-qq", *command], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ClusterError(f"apt-get {' '.join(command)} failed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
