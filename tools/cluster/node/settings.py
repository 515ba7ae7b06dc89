"""The configuration files of containerd, its pod network, the kubelet and kube-proxy."""

import json
from collections.abc import Mapping
from typing import Any

from cluster.host.addresses import Block
from cluster.host.binaries import BUILT

# Inside the node (see init.sh).
STATE = "/run/simjob/state"
PROGRAMS = "/run/simjob/programs"
# Of them, those that are always built.
BINARIES = f"{PROGRAMS}/{BUILT}"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"

SANDBOX_IMAGE = "simjob.local/pause:1"
MAX_PODS = 300


def containerd(plugin_folders: list[str]) -> str:
    """Configure containerd."""
    return f"""\
version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0

[grpc]
  address = "{CONTAINERD_SOCKET}"

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "{SANDBOX_IMAGE}"

[plugins."io.containerd.cri.v1.runtime"]
  # In a container without CAP_SYS_RESOURCE a lower score is refused, and with it every sandbox.
  restrict_oom_score_adj = true
  # The profile would have to be loaded into the whole machine.
  disable_apparmor = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = {json.dumps(plugin_folders)}
    conf_dir = "{STATE}/node/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    runtime_path = "{BINARIES}/containerd-shim-runc-v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def pod_network(addresses: Block) -> str:
    """Configure the pod network.

    `ptp` routes between pods. A bridge would switch, and then an answer from a pod behind a service goes past the
    rules that have to translate it, unless the machine has br_netfilter loaded.
    """
    addressing = {
        "type": "host-local",
        "ranges": [[{"subnet": str(addresses.pods)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "/run/cni",
    }
    plugin = {"type": "ptp", "ipMasq": False, "ipam": addressing}
    return _json({"cniVersion": "0.4.0", "name": "pods", "plugins": [plugin]})


def kubelet(addresses: Block, cgroup: str) -> str:
    """Configure the kubelet."""
    pki = f"{STATE}/pki"
    return _json(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": str(addresses.node),
            "tlsCertFile": f"{pki}/kubelet-server.crt",
            "tlsPrivateKeyFile": f"{pki}/kubelet-server.key",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": f"{pki}/ca.crt"},
            },
            "authorization": {"mode": "Webhook"},
            "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{cgroup}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "maxPods": MAX_PODS,
            "serializeImagePulls": False,
            # Nobody answers there, so that looking up a name fails at once instead of timing out.
            "clusterDNS": [str(addresses.host)],
            "resolvConf": f"{STATE}/node/resolv.conf",
            # Four chances to report within the controller manager's grace period.
            "nodeStatusUpdateFrequency": "4s",
            "nodeLeaseDurationSeconds": 8,
            # A developer's disk is often nearly full, which must not affect the tests.
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "evictionHard": {
                "memory.available": "1Mi",
                "nodefs.available": "0%",
                "nodefs.inodesFree": "0%",
                "imagefs.available": "0%",
                "imagefs.inodesFree": "0%",
            },
        }
    )


def kube_proxy(addresses: Block, node: str) -> str:
    """Configure kube-proxy."""
    return _json(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "hostnameOverride": node,
            "clusterCIDR": str(addresses.pods),
            "clientConnection": {"kubeconfig": f"{STATE}/node/kube-proxy.kubeconfig"},
            "oomScoreAdj": 0,
            # These are settings of the whole machine; 0 leaves them alone.
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
        }
    )


def _json(content: Mapping[str, Any]) -> str:
    # JSON is YAML, and the standard library writes it.
    return json.dumps(content, indent=2) + "\n"
