"""install.yaml: everything in manifests/ as one file, with the image of the release."""

import re
from pathlib import Path

from cluster.errors import ClusterError
from cluster.kubectl import kustomize_overlay

IMAGE = "simjob.local/operator"


def check(image: str) -> None:
    """Raise ClusterError unless the text is the name of an image without tag and digest."""
    if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+", image):
        raise ClusterError(
            f"IMAGE must be a registry and a name, without a tag: {image!r}",
            "make release VERSION=0.2.0 IMAGE=registry.example.com/simjob-operator",
        )


def render(root: Path, image: str, version: str) -> str:
    """Render manifests/ with this image, by the kustomize of kubectl."""
    rendered = kustomize_overlay(root / "manifests", images=images(image, version))
    return f"# SimulationJob {version}: kubectl apply --server-side -f install.yaml\n---\n{rendered}"


def images(image: str, version: str) -> list[dict[str, str]]:
    """Return the field `images` of a kustomization that has the image of the release."""
    return [{"name": IMAGE, "newName": image, "newTag": version}]
