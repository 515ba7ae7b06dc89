"""A cancel after the end: what the API server answers, which depends on the policies that are installed."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

import yaml
from cluster.errors import ClusterError
from cluster.provider import Cluster
from given.builders import a_job_dict
from integration.support import client as paths
from integration.support.client import Client, Object
from integration.support.installation import MANIFESTS
from integration.support.sweeps import eventually

POLICY: Final = "simjob-late-cancel"
_NAMESPACE: Final = "default"
_PROBE: Final = "late-cancel"
_CANCEL: Final = '{"spec":{"cancel":true}}'


class Answer(StrEnum):
    """How a cancel after the end is answered: by the base's policy, with the component gitops, without the policy."""

    REFUSED = "refused"
    WARNED = "accepted with a warning"
    ACCEPTED = "accepted without a warning"

    def words(self, phase: str = "COMPLETED") -> str:
        """Return the words of the policy, in an error or a warning; they are empty if there is no policy."""
        return {
            Answer.REFUSED: f"denied request: spec.cancel may not be set: the SimulationJob is already {phase}",
            Answer.WARNED: f"'{POLICY}': spec.cancel has no effect: the SimulationJob is already {phase}",
            Answer.ACCEPTED: "",
        }[self]


@contextmanager
def answering(cluster: Cluster, client: Client, answer: Answer) -> Iterator[None]:
    """Have the API server answer so inside the block, and refuse again after it."""
    try:
        _install(cluster, answer)
        wait(cluster, client, answer)
        yield
    finally:
        _install(cluster, Answer.REFUSED)
        wait(cluster, client, Answer.REFUSED)


def wait(cluster: Cluster, client: Client, answer: Answer) -> None:
    """Wait until the API server answers so: policies are in effect some time after they were changed."""
    path = paths.simulationjobs(_NAMESPACE, _PROBE)
    client.create(paths.simulationjobs(_NAMESPACE), _probe())
    try:
        client.patch(f"{path}/status", {"status": {"phase": "COMPLETED", "isTerminal": True}})
        eventually(
            lambda: _answers(cluster, answer), lambda: f"a late cancel is not {answer}: {_said(cluster)}", seconds=120
        )
    finally:
        client.delete(path)


def patch(cluster: Cluster, namespace: str, name: str, *options: str) -> str:
    """Cancel by kubectl, and return its error or warning; empty if there is none."""
    command = ("patch", "simjob", name, f"--namespace={namespace}", "--type=merge", "-p", _CANCEL)
    try:
        cluster.run_kubectl(*command, "--warnings-as-errors", *options)
    except ClusterError as said:
        return str(said)
    return ""


def _answers(cluster: Cluster, answer: Answer) -> bool:
    said = _said(cluster)
    return answer.words() in said if answer.words() else not said


def _said(cluster: Cluster) -> str:
    return patch(cluster, _NAMESPACE, _PROBE, "--dry-run=server")


def _probe() -> Object:
    return {**a_job_dict(suspend=True), "metadata": {"name": _PROBE}}


def _install(cluster: Cluster, answer: Answer) -> None:
    apply = ("apply", "--server-side", "--force-conflicts", "--warnings-as-errors", "-k")
    if answer is Answer.ACCEPTED:
        cluster.run_kubectl("delete", "validatingadmissionpolicybinding", POLICY, "--ignore-not-found")
        return
    with tempfile.TemporaryDirectory() as folder:
        root = os.path.relpath(MANIFESTS, folder)
        content = {"resources": [f"{root}/base/admission"]}
        if answer is Answer.WARNED:
            content["components"] = [f"{root}/components/gitops"]
        (Path(folder) / "kustomization.yaml").write_text(yaml.safe_dump(content))
        cluster.run_kubectl(*apply, folder)
