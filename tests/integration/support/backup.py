"""SimulationJobs and their ConfigMaps as a backup has them, and their restore."""

import copy
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from integration.support import client as paths
from integration.support.client import Object, RefusedError
from integration.support.sweeps import Place, Sweep, a_template, eventually

# Drawn from the uid where there is no seed.
DESIGN = {"samples": {"method": "Random", "size": 6, "parameters": [{"name": "angle", "min": 0, "max": 1}]}}
WRITTEN_BY_SERVER = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")


def saying(run: float | None = 1) -> Object:
    """Make a template whose simulations leave a result; with None they run until the test ends them."""
    template = a_template(run=run, stop=1)
    template["metadata"]["annotations"]["kwok.simjob.dev/termination-message"] = '{"drag": 1}'
    return template


class Backup:
    """A SimulationJob and its ConfigMaps, as `kubectl get -o json` gives them."""

    def __init__(self, sweep: Sweep, *, between: Callable[[], object] = lambda: None) -> None:
        self.place = sweep.place
        self.sweep = sweep.client.get(sweep.path)
        between()
        self.config_maps = config_maps(sweep.place)

    def make_again(self, **spec: Any) -> Sweep:
        """Restore the SimulationJob without its status."""
        body = bare(self.sweep)
        body["spec"] |= spec
        made = self.place.client.create(paths.simulationjobs(self.place.name), body)
        return Sweep(self.place, made["metadata"]["name"], made["metadata"]["uid"])

    def put_status_back(self, sweep: Sweep) -> None:
        """Write the status as `kubectl replace --subresource=status` does, again after a conflict."""

        def written() -> bool:
            now = self.place.client.get(sweep.path)
            try:
                sweep.client.ask("PUT", f"{sweep.path}/status", {**now, "status": self.sweep["status"]})
            except RefusedError as refused:
                if refused.code != HTTPStatus.CONFLICT:
                    raise
                return False
            return True

        eventually(written, lambda: "the status cannot be put back")

    def put_config_maps_back(self, *, keep: Callable[[str], bool] = lambda name: True, digest: bool = True) -> None:
        """Restore the ConfigMaps without owners, as Velero does; the release before wrote no digest."""
        for item in self.config_maps:
            if not digest:
                del item["metadata"]["annotations"]
            if keep(item["metadata"]["name"]):
                self.place.client.create(paths.core(self.place.name, "configmaps"), bare(item))


def bare(item: Object) -> Object:
    found = copy.deepcopy(item)
    for key in (*WRITTEN_BY_SERVER, "ownerReferences"):
        found["metadata"].pop(key, None)
    return found


def config_maps(place: Place) -> list[Object]:
    selector = "app.kubernetes.io/managed-by=simjob-operator"
    return place.client.items(paths.core(place.name, "configmaps"), labelSelector=selector)


def rows(place: Place) -> list[Any]:
    texts = [item["data"].get("results.jsonl", "") for item in config_maps(place)]
    return [json.loads(row) for text in texts for row in text.split("\n") if row]


def owners(place: Place) -> set[str]:
    return {owner["uid"] for item in config_maps(place) for owner in item["metadata"].get("ownerReferences", [])}


def remove(sweep: Sweep) -> None:
    """Delete a SimulationJob and wait until all that was its has gone."""
    sweep.delete()
    wait_removed(sweep)


def wait_removed(sweep: Sweep) -> None:
    """Wait until all that belonged to a SimulationJob that is deleted has gone."""
    sweep.wait_cleared()
    eventually(lambda: not config_maps(sweep.place), lambda: "ConfigMaps are left")


def half_done(place: Place, **spec: Any) -> Sweep:
    """Make a sweep of six cases, of which two have ended and left results; the others wait for the test to end them."""
    sweep = place.apply(**{"cases": DESIGN, "parallelism": 2, "template": saying(None), **spec})
    sweep.wait_running(2)
    sweep.end_running()
    sweep.wait(lambda status: status.get("results", {}).get("rows") == 2, "two results")
    return sweep


def indexes(text: str) -> set[int]:
    pairs = [part.split("-") for part in text.split(",") if part]
    return {index for pair in pairs for index in range(int(pair[0]), int(pair[-1]) + 1)}


def ran(sweep: Sweep) -> set[int]:
    """Give the cases that had a pod."""
    seen = sweep.place.pods.history.copy()
    labels = [one.object["metadata"]["labels"] for one in seen]
    return {int(each["simjob.dev/index"]) for each in labels if each["simjob.dev/uid"] == sweep.uid}
