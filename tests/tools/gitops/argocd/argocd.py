"""Argo CD on the test cluster: its controller, repository server and API server as processes."""

import base64
import json
import secrets
import subprocess
import urllib.request
from pathlib import Path
from typing import Final

import yaml
from cluster.host import addresses, packages
from cluster.host.processes import Processes
from cluster.kubectl import wait_established
from cluster.provider import Cluster
from cluster.report import Report
from external import programs
from external.programs import TOOLS
from given.argocd import CONFIG_MAP
from integration.support.client import Client, Object
from integration.support.sweeps import eventually

NAMESPACE: Final = "argocd"
MODULE: Final = "github.com/argoproj/argo-cd/v3"
_REDIS: Final = "/usr/bin/redis-server"
_PART: Final = {"app.kubernetes.io/part-of": "argocd"}
_FOLDERS: Final = ("tls", "ssh", "gpg", "tmp", "bin")
# Argo CD asks it for the signature of each commit. Its module has the script, without the right to run it.
_VERIFY: Final = "git-verify-wrapper.sh"
_SERVERS: Final = ("redis", "repositories", "api")
_METRICS: Final = ("metrics of repositories", "metrics of applications", "metrics of api")
_EVERYTHING: Final[Object] = {
    "sourceRepos": ["*"],
    "destinations": [{"namespace": "*", "server": "*"}],
    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
}


def program() -> Path:
    """Return Argo CD's program; the first call builds it."""
    return programs.provide(TOOLS["argocd"], Report()) / "argocd"


def _sources() -> Path:
    return programs.source(TOOLS["argocd"], MODULE)


class ArgoCD:
    """Its processes as administrator, with the configuration that this project ships."""

    def __init__(self, cluster: Cluster, client: Client) -> None:
        self.client = client
        self._cluster = cluster
        self._folder = cluster.state.folder / "argocd"
        self._ports = addresses.free_ports([*_SERVERS, *_METRICS])
        # With the cluster's mark, so that it ends them with itself.
        self._processes = Processes(cluster.state.id, self._folder, cluster.state.logs)

    def install(self) -> None:
        """Apply the CRDs of the release that is built, and the objects that Argo CD expects."""
        crds = [f"--filename={path}" for path in sorted((_sources() / "manifests/crds").glob("*-crd.yaml"))]
        self._cluster.run_kubectl("apply", "--server-side", *crds)
        wait_established(self._cluster.run_kubectl, "applications", "argoproj.io")
        wait_established(self._cluster.run_kubectl, "appprojects", "argoproj.io")
        self._cluster.run_kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(_objects()))
        self.configure(f"--patch-file={CONFIG_MAP}")

    def configure(self, patch: str) -> None:
        """Change its configuration by a flag of `kubectl patch`."""
        self._cluster.run_kubectl(f"--namespace={NAMESPACE}", "patch", "configmap", "argocd-cm", "--type=merge", patch)

    def start(self) -> None:
        """Start its processes and redis, and wait until the API server answers."""
        for name in _FOLDERS:
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        script = self._folder / "bin" / _VERIFY
        script.write_bytes((_sources() / "hack" / _VERIFY).read_bytes())
        script.chmod(0o755)
        self._start_redis()
        for name, flags in self._servers().items():
            pairs = [f"{key}={value}" for key, value in {**self._environment(), "ARGOCD_BINARY_NAME": name}.items()]
            self._processes.start(name, ["/usr/bin/env", *pairs, str(program()), *flags])
        eventually(self._answers, lambda: f"Argo CD does not answer:\n{self.log('argocd-server')}")

    def stop(self) -> None:
        """End its processes."""
        for name in self._processes.names():
            self._processes.stop(name)

    def ask(self, method: str, path: str, body: Object | None = None) -> Object:
        """Send a request to Argo CD's own API server, which takes no password here."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._ports['api']}/api/{path}", method=method)
        request.add_header("Content-Type", "application/json")
        content = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, content, timeout=30) as answer:  # noqa: S310
            found: Object = json.loads(answer.read() or b"{}")
        return found

    def type(self, *arguments: str) -> str:
        """Run `argocd` at the terminal; return what it prints."""
        where = [f"--server=127.0.0.1:{self._ports['api']}", "--plaintext", "--auth-token=none"]
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self._folder)}
        command = [str(program()), *arguments, *where]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout

    def log(self, name: str) -> str:
        """Return the end of a process's log."""
        return "\n".join(self._processes.log(name).read_text(errors="replace").splitlines()[-20:])

    def _answers(self) -> bool:
        try:
            return "Version" in self.ask("GET", "version")
        except OSError:
            return False

    def _start_redis(self) -> None:
        if not Path(_REDIS).exists():
            packages.install(["redis-server"])
        quiet = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._processes.start("argocd-redis", [_REDIS, "--port", str(self._ports["redis"]), *quiet])

    def _servers(self) -> dict[str, list[str]]:
        """Return the flags of each process of Argo CD."""
        port = self._ports
        redis, repositories = f"--redis=127.0.0.1:{port['redis']}", f"--repo-server=127.0.0.1:{port['repositories']}"
        local = ["--address=127.0.0.1", redis]
        client = [f"--namespace={NAMESPACE}", repositories, "--repo-server-plaintext"]
        return {
            "argocd-repo-server": [
                *local,
                f"--port={port['repositories']}",
                f"--metrics-port={port['metrics of repositories']}",
                "--disable-tls",
                "--client-ca-path=",
            ],
            "argocd-application-controller": [
                *client,
                redis,
                f"--metrics-port={port['metrics of applications']}",
                "--self-heal-timeout-seconds=1",
            ],
            "argocd-server": [
                *local,
                *client,
                f"--port={port['api']}",
                f"--metrics-port={port['metrics of api']}",
                "--insecure",
                "--disable-auth",
            ],
        }

    def _environment(self) -> dict[str, str | Path]:
        return {
            "KUBECONFIG": self._cluster.kubeconfig.resolve(),
            "PATH": f"{self._folder / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "TMPDIR": self._folder / "tmp",
            # The cluster of the kubeconfig is the one that it deploys to.
            "ARGOCD_FAKE_IN_CLUSTER": "true",
            "ARGOCD_GPG_ENABLED": "false",
            "ARGOCD_GNUPGHOME": self._folder / "gpg",
            "ARGOCD_TLS_DATA_PATH": self._folder / "tls",
            "ARGOCD_SSH_DATA_PATH": self._folder / "ssh",
            "ARGOCD_ASK_PASS_SOCK": self._folder / "askpass.sock",
        }


def _objects() -> list[Object]:
    """Make the objects that Argo CD's installation has, as far as these processes need them."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        *(_named("v1", "ConfigMap", name) for name in ("argocd-cm", "argocd-rbac-cm", "argocd-tls-certs-cm")),
        *(_named("v1", "ConfigMap", name) for name in ("argocd-ssh-known-hosts-cm", "argocd-gpg-keys-cm")),
        {**_named("v1", "Secret", "argocd-secret"), "data": {"server.secretkey": key}},
        {**_named("argoproj.io/v1alpha1", "AppProject", "default"), "spec": _EVERYTHING},
    ]


def _named(version: str, kind: str, name: str) -> Object:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": _PART},
    }
