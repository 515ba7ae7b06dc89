"""Kueue as a process on the test cluster, installed from the manifests of its own release.

Left out: its Deployment and Services, the API for pending workloads, and the webhooks of kinds that the tests do not
use. Its ServiceAccount has the permissions of the release.
"""

import base64
import json
import urllib.request
from pathlib import Path
from typing import Any, Final

import yaml
from cluster.control.pki import Authority
from cluster.host import addresses
from cluster.host.processes import Processes
from cluster.kubectl import kustomize, wait_established
from cluster.provider import Cluster
from cluster.report import Report
from external import programs
from external.programs import TOOLS
from integration.support import client as paths
from integration.support.client import Client, Object, RefusedError
from integration.support.installation import kubeconfig
from integration.support.sweeps import a_template, eventually

NAME: Final = "kueue"
MODULE: Final = "sigs.k8s.io/kueue"
SYSTEM: Final = "kueue-system"
ACCOUNT: Final = "kueue-controller-manager"
GROUP: Final = "kueue.x-k8s.io"
QUEUE: Final = f"{GROUP}/queue-name"
_RUN_BY_US: Final = ("Deployment", "Service", "APIService", "ConfigMap", "Secret")
_ADDRESS: Final = "127.0.0.1"
# Kueue reads the certificate of its metrics from there and nowhere else.
_METRICS: Final = Path("kueue/metrics/certs")


class Kueue:
    """The controller. Its configuration can change from start to start."""

    def __init__(self, cluster: Cluster, client: Client) -> None:
        self._cluster = cluster
        self._client = client
        self._folder = cluster.state.folder / NAME
        # With the cluster's mark, so that it ends Kueue with itself.
        self._processes = Processes(cluster.state.id, self._folder, cluster.state.logs)
        self._ports = addresses.free_ports(["webhook", "health"])
        self._authority = Authority(self._folder)

    def install(self) -> None:
        """Apply the release that is built, with its webhooks at an address of this machine."""
        self._certificates.mkdir(parents=True, exist_ok=True)
        self._authority.create()
        pair = self._authority.server("webhook", (_ADDRESS,))
        for source, name in ((pair.certificate, "tls.crt"), (pair.key, "tls.key")):
            (self._certificates / name).write_bytes(source.read_bytes())
        release = _release()
        items = [self._localized(item) for item in release if item["kind"] not in _RUN_BY_US]
        (shipped,) = (item["data"] for item in release if item["kind"] == "ConfigMap")
        self._shipped = yaml.safe_load(shipped["controller_manager_config.yaml"])
        # The webhooks come with the start: without Kueue, they would refuse every Job.
        self._webhooks = [item for item in items if "webhooks" in item]
        self._apply([item for item in items if "webhooks" not in item])
        for plural in ("workloads", "clusterqueues", "localqueues", "resourceflavors", "workloadpriorityclasses"):
            wait_established(self._cluster.run_kubectl, plural, GROUP)
        token = self._cluster.run_kubectl("create", "token", ACCOUNT, f"--namespace={SYSTEM}", "--duration=4h")
        self._kubeconfig.write_text(json.dumps(kubeconfig(self._client, ACCOUNT, token.strip())))
        self._kubeconfig.chmod(0o600)

    def start(self, **configuration: Any) -> None:
        """Start it; return when it suspends new Jobs. Keywords are fields of its configuration."""
        file = self._folder / "configuration.json"
        file.write_text(json.dumps(self._configuration() | configuration))
        program = programs.provide(TOOLS[NAME], Report()) / NAME
        # In a mount namespace of its own, it finds its certificate in /etc.
        script = 'mount --bind "$0" /etc && exec "$@"'
        alone = ["/usr/bin/unshare", "--map-root-user", "--mount", "/bin/sh", "-c", script, str(self._etc)]
        environment = ["/usr/bin/env", f"KUBECONFIG={self._kubeconfig.resolve()}"]
        self._processes.start(NAME, [*alone, *environment, str(program), f"--config={file.resolve()}"])
        eventually(self._is_ready, lambda: f"Kueue is not ready:\n{self.log()}", seconds=60)
        self._apply(self._webhooks)
        eventually(self._holds_jobs, lambda: f"Kueue does not suspend a new Job:\n{self.log()}", seconds=60)

    def stop(self) -> None:
        """End it, and remove its webhooks."""
        for item in self._webhooks:
            self._cluster.run_kubectl("delete", "--ignore-not-found", item["kind"], item["metadata"]["name"])
        self._processes.stop(NAME)

    def log(self) -> str:
        """Return the end of its log."""
        return "\n".join(self._processes.log(NAME).read_text(errors="replace").splitlines()[-20:])

    @property
    def _etc(self) -> Path:
        return (self._folder / "etc").resolve()

    @property
    def _certificates(self) -> Path:
        return self._etc / _METRICS

    @property
    def _kubeconfig(self) -> Path:
        return self._folder / "kubeconfig"

    def _configuration(self) -> Object:
        """Return the configuration of the release, for a single process on this machine."""
        changes = {
            "namespace": SYSTEM,
            "health": {"healthProbeBindAddress": f"{_ADDRESS}:{self._ports['health']}"},
            "metrics": {"bindAddress": "0"},
            "webhook": {"host": _ADDRESS, "port": self._ports["webhook"], "certDir": str(self._certificates)},
            "leaderElection": {"leaderElect": False},
            "internalCertManagement": {"enable": False},
            "featureGates": {"VisibilityOnDemand": False},
            "integrations": {"frameworks": ["batch/job"]},
        }
        return {**self._shipped, **changes}

    def _localized(self, item: Object) -> Object:
        """Return the object with each webhook at this machine, without those of kinds that the tests do not use."""
        if "webhooks" in item:
            used = [each for each in item["webhooks"] if set(each["rules"][0]["apiGroups"]) <= {"batch", GROUP}]
            return {**item, "webhooks": [{**each, "clientConfig": self._here(each["clientConfig"])} for each in used]}
        if webhook := item.get("spec", {}).get("conversion", {}).get("webhook"):
            webhook["clientConfig"] = self._here(webhook["clientConfig"])
        return item

    def _here(self, config: Object) -> Object:
        url = f"https://{_ADDRESS}:{self._ports['webhook']}{config['service']['path']}"
        authority = base64.b64encode(self._authority.certificate.read_bytes())
        return {"url": url, "caBundle": authority.decode()}

    def _apply(self, items: list[Object]) -> None:
        content = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        self._cluster.run_kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=content)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{_ADDRESS}:{self._ports['health']}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _holds_jobs(self) -> bool:
        template = a_template(restartPolicy="Never")
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "probe", "labels": {QUEUE: "any"}},
            "spec": {"template": template},
        }
        try:
            made = self._client.create(f"{paths.jobs('default')}?dryRun=All", job)
        except RefusedError:
            return False
        return made["spec"].get("suspend") is True


def _release() -> list[Object]:
    """Return the objects of the release that is built."""
    sources = programs.source(TOOLS[NAME], MODULE)
    found = yaml.load_all(kustomize(sources / "config/default"), yaml.CSafeLoader)
    return [item for item in found if item]
