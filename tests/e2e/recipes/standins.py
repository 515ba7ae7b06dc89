"""What replaces, on the test node, the things that only a real site has, for the recipes of docs/recipes.

The node reaches no public registry. So each image that a recipe names, its private registry and its store are replaced
here, in the pages and in their manifests alike. Nothing else of them is changed.
"""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cluster.deploy import ROOT
from cluster.host import packages
from cluster.images import imagebuild, oci
from e2e.recipes import registry
from e2e.support.namespace import Namespace

RECIPES = ROOT / "docs/recipes"
TOOLS = "simjob.local/tools:test"
CLAIMS = ("output", "checkpoints")


def stand_ins(store: str) -> dict[str, str]:
    """Return what replaces what; `store` is the address of the test's store."""
    return {
        "busybox:1.37": oci.BUSYBOX,
        "python:3.13-slim": imagebuild.OPERATOR_TAG,  # Debian's Python is in it
        "debian:trixie-slim": TOOLS,
        "curlimages/curl:8.15.0": TOOLS,
        "registry.example": registry.ADDRESS,
        "https://store.example": store,
    }


def prepare(folder: Path, replacements: Mapping[str, str]) -> Path:
    """Copy the recipes below a folder, with the replacements; return where they are."""
    target = folder / RECIPES.relative_to(ROOT)
    target.mkdir(parents=True)
    for file in RECIPES.iterdir():
        text = file.read_text()
        for public, local in replacements.items():
            text = text.replace(public, local)
        (target / file.name).write_text(text)
    return target


def tools_image(path: Path) -> None:
    """Write an image with the machine's curl and flock, and a shell. Debian's busybox has no flock."""
    _image_with_shell(path, TOOLS, _program("curl") | _program("flock"))


def solver_image(path: Path, name: str) -> None:
    """Write an image with a shell that has its name in it, so that the node takes no other image for the same."""
    _image_with_shell(path, name, {"name": name.encode()})


def _image_with_shell(path: Path, name: str, files: Mapping[str, bytes | Path]) -> None:
    links = {f"bin/{program}": "busybox" for program in ("sh", "sleep", "touch")}
    config = {"Env": ["PATH=/bin"], "User": "100:101"}
    oci.write_image(path, name, files={**_program("busybox"), **files}, links=links, config=config)


def _program(name: str) -> dict[str, Path]:
    """Return a program of the machine and the libraries that it needs, by their paths in an image."""
    if shutil.which(name) is None:
        packages.install([name])  # curl; a machine with a real node has the others
    found = shutil.which(name) or ""
    listing = subprocess.run(["ldd", found], check=False, capture_output=True, text=True).stdout
    return {f"bin/{name}": Path(found)} | {word[1:]: Path(word) for word in listing.split() if word.startswith("/")}


def provide_volumes(namespace: Namespace, folder: Path) -> None:
    """Create a volume on the real node for each claim of the recipes, as an administrator or a driver does."""
    for claim in CLAIMS:
        place = folder / claim
        place.mkdir()
        terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["real-0"]}]}]
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"{namespace.name}-{claim}"},
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "capacity": {"storage": "10Gi"},
                "claimRef": {"namespace": namespace.name, "name": claim},
                "local": {"path": str(place)},
                "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
            },
        }
        namespace.run("create", "-f", "-", stdin=json.dumps(volume))
