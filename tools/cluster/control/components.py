"""The control plane's components: their certificates and their command lines."""

from dataclasses import dataclass
from pathlib import Path

from cluster.control import kubeconfig
from cluster.control.api import Api
from cluster.control.pki import Authority, Pair
from cluster.host.binaries import Programs
from cluster.life.state import Facts, State
from cluster.options import Nodes

PORTS = ("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler")

# A pod on a lost node is evicted after this time. Stock is 300 s, longer than a test should take.
EVICTION_SECONDS = 10

# How long a node may be silent. A real node reports every 2 s here, so that its loss is seen early; fake nodes
# renew every 10 s, and with stock patience a busy machine doesn't lose them.
REAL_NODE_GRACE_SECONDS = 16
KWOK_NODE_GRACE_SECONDS = 50


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """Knows how each component is started. It starts none."""

    state: State
    facts: Facts
    programs: Programs

    @property
    def authority(self) -> Authority:
        return Authority(self.state.pki)

    @property
    def nodes(self) -> Nodes:
        return Nodes(self.facts.nodes)

    @property
    def port(self) -> int:
        return self.facts.ports["kube-apiserver"]

    @property
    def audit_policy(self) -> Path:
        """Where a policy may be put, for the API server to keep an audit log by from its next start on."""
        return self.state.folder / "audit-policy.yaml"

    @property
    def audit_log(self) -> Path:
        return self.state.logs / "audit.log"

    def prepare(self) -> None:
        """Make certificates and kubeconfigs, as far as they are missing."""
        self.authority.create()
        self.authority.signing_key("service-accounts")
        addresses = self.facts.addresses
        names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost", "127.0.0.1")
        own = (str(addresses.host), str(addresses.kubernetes_service))
        self.authority.server("kube-apiserver", (*names, *own))
        # The kubelet asks the API server what a client may do; this one may do everything.
        self.authority.client("kube-apiserver-to-kubelet", "kube-apiserver", "system:masters")
        self._kubeconfig(self.state.kubeconfig, self.admin())
        for role in ("kube-controller-manager", "kube-scheduler"):
            self._kubeconfig(self._kubeconfig_of(role), self.authority.client(role, f"system:{role}"))
        kwok = self.authority.client("kwok", "kwok", "system:masters")
        self._kubeconfig(self._kubeconfig_of("kwok"), kwok)

    def admin(self) -> Pair:
        return self.authority.client("admin", "admin", "system:masters")

    def api(self) -> Api:
        return Api(self.port, self.authority.certificate, self.admin())

    def etcd(self) -> list[str]:
        client = f"http://127.0.0.1:{self.facts.ports['etcd']}"
        peer = f"http://127.0.0.1:{self.facts.ports['etcd-peer']}"
        return [
            self._program("etcd"),
            f"--data-dir={self.state.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            # Data that only a test needs may be lost with the machine. Syncing costs the most of all.
            "--unsafe-no-fsync",
            "--quota-backend-bytes=8589934592",
            "--auto-compaction-retention=5m",
            "--log-level=warn",
        ]

    def kube_apiserver(self) -> list[str]:
        signing_key = self.authority.signing_key("service-accounts")
        pki = self.state.pki
        # Nothing but a real node reaches the API server from elsewhere.
        bind = "0.0.0.0" if self.nodes.has_real else "127.0.0.1"  # noqa: S104
        return [
            self._program("kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{self.facts.ports['etcd']}",
            f"--bind-address={bind}",
            f"--secure-port={self.port}",
            f"--advertise-address={self.facts.addresses.host}",
            f"--tls-cert-file={pki / 'kube-apiserver.crt'}",
            f"--tls-private-key-file={pki / 'kube-apiserver.key'}",
            f"--client-ca-file={self.authority.certificate}",
            f"--kubelet-certificate-authority={self.authority.certificate}",
            f"--kubelet-client-certificate={pki / 'kube-apiserver-to-kubelet.crt'}",
            f"--kubelet-client-key={pki / 'kube-apiserver-to-kubelet.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={signing_key}",
            f"--service-account-key-file={signing_key}",
            f"--service-cluster-ip-range={self.facts.addresses.services}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--default-not-ready-toleration-seconds={EVICTION_SECONDS}",
            f"--default-unreachable-toleration-seconds={EVICTION_SECONDS}",
            *self._auditing(),
        ]

    def kube_controller_manager(self) -> list[str]:
        signing_key = self.authority.signing_key("service-accounts")
        grace = REAL_NODE_GRACE_SECONDS if self.nodes.has_real else KWOK_NODE_GRACE_SECONDS
        return [
            self._program("kube-controller-manager"),
            *self._client_of_api("kube-controller-manager"),
            # Each cluster has one pod network, which is configured on its node directly.
            "--controllers=*,-nodeipam",
            f"--root-ca-file={self.authority.certificate}",
            f"--service-account-private-key-file={signing_key}",
            "--use-service-account-credentials=true",
            f"--kube-api-qps={self.facts.kcm_qps}",
            # In the stock proportion, 20 to 30.
            f"--kube-api-burst={self.facts.kcm_qps * 3 // 2}",
            f"--node-monitor-grace-period={grace}s",
            "--node-monitor-period=2s",
        ]

    def kube_scheduler(self) -> list[str]:
        return [
            self._program("kube-scheduler"),
            *self._client_of_api("kube-scheduler"),
            # Upstream's 50 bindings a second would hide what is measured: who makes pods, and how fast.
            "--kube-api-qps=1000",
            "--kube-api-burst=1500",
        ]

    def _auditing(self) -> list[str]:
        if not self.audit_policy.exists():
            return []
        # Tests read the log at an offset. With the API server's default it would begin a new file after 100 MB.
        size = "--audit-log-maxsize=100000"
        return [f"--audit-policy-file={self.audit_policy}", f"--audit-log-path={self.audit_log}", size]

    def _client_of_api(self, role: str) -> list[str]:
        return [
            f"--kubeconfig={self._kubeconfig_of(role)}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.facts.ports[role]}",
            # There is one of each, and a lease would only make a restart wait.
            "--leader-elect=false",
        ]

    def _kubeconfig_of(self, role: str) -> Path:
        return self.state.folder / f"{role}.kubeconfig"

    def _kubeconfig(self, path: Path, client: Pair) -> None:
        server = f"https://127.0.0.1:{self.port}"
        kubeconfig.write(path, server=server, authority=self.authority.certificate, client=client)

    def _program(self, name: str) -> str:
        return str(self.programs.path(name))
