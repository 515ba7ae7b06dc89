"""What kustomize renders: the objects of an installation, and what each component adds or changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from cluster.kubectl import kustomize, kustomize_overlay

Object = dict[str, Any]
Id = tuple[str, str]

ROOT: Final = Path(__file__).parents[2]
MANIFESTS: Final = ROOT / "manifests"
# Each component of manifests/components that adds or changes objects is a value of the chart with the same name. The
# component no-admission only removes objects: the value `admission`.
COMPONENTS: Final = ("attribution", "gitops", "monitoring")


@dataclass(frozen=True, slots=True)
class Rendered:
    """An installation, the same with each component, and the operator's permissions for a single namespace."""

    base: Mapping[Id, Object]
    components: Mapping[str, Mapping[Id, Object]]
    roles: Sequence[Object]

    def added(self, component: str) -> list[Object]:
        """Return the objects that only a component has."""
        return [item for key, item in self.components[component].items() if key not in self.base]

    def changed(self, key: Id) -> dict[str, Object]:
        """Return an object as each component that changes it has it."""
        return {name: found[key] for name, found in self.components.items() if found[key] != self.base[key]}


def render(images: Iterable[Mapping[str, str]] = ()) -> Rendered:
    """Render the kustomizations, with these images in place of their own."""
    images = list(images)
    with_component = {
        name: _by_id(kustomize_overlay(MANIFESTS, components=[MANIFESTS / "components" / name], images=images))
        for name in COMPONENTS
    }
    roles = _by_id(kustomize(MANIFESTS / "overlays/namespaced/role"))
    return Rendered(_by_id(kustomize_overlay(MANIFESTS, images=images)), with_component, list(roles.values()))


def identify(item: Object) -> Id:
    """Return kind and name. No two objects of the installation have both in common."""
    return item["kind"], item["metadata"]["name"]


def _by_id(text: str) -> dict[Id, Object]:
    return {identify(item): item for item in yaml.load_all(text, yaml.CSafeLoader)}
