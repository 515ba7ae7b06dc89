"""The annotations that a pod template may not have: they disable AppArmor or seccomp, or configure the runtime.

The kubelet passes a pod's annotations to the container runtime, and Pod Security does not check them.
Multus networks (k8s.v1.cni.cncf.io/networks) are allowed: their definitions are objects in the same namespace, and
simulations need them for RDMA.
"""

from typing import Final

# Prefixes of keys, and the programs that read them.
PREFIXES: Final = {
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
    "container.apparmor.security.beta.kubernetes.io/": "AppArmor",
    # https://kubernetes.io/docs/reference/labels-annotations-taints/#seccomp-security-alpha-kubernetes-io-pod
    "seccomp.security.alpha.kubernetes.io/": "seccomp",
    "container.seccomp.security.alpha.kubernetes.io/": "seccomp",
    # https://pkg.go.dev/github.com/cri-o/cri-o/pkg/annotations
    "io.kubernetes.cri-o.": "CRI-O",
    "seccomp-profile.kubernetes.cri-o.io": "CRI-O",
    "io.containers.": "CRI-O hooks",
    # https://pkg.go.dev/github.com/containerd/containerd/pkg/cri/annotations
    "io.kubernetes.cri.": "containerd",
    # https://github.com/cncf-tags/container-device-interface
    "cdi.k8s.io/": "containerd and CRI-O devices",
    # https://github.com/containerd/nri/tree/main/plugins/device-injector, and the one of GKE
    "devices.gke.io/": "NRI devices",
    # https://github.com/advisories/GHSA-2cgq-h8xw-2v5j
    "org.systemd.property.": "runc",
    # https://github.com/containers/crun/blob/main/crun.1.md
    "run.oci.": "crun",
    # https://github.com/google/gvisor/blob/master/runsc/boot/mount_hints.go
    "dev.gvisor.": "gVisor",
    # https://github.com/kata-containers/kata-containers/blob/main/docs/how-to/how-to-set-sandbox-config-kata.md
    "io.katacontainers.": "Kata Containers",
    # https://pkg.go.dev/github.com/Microsoft/hcsshim/pkg/annotations
    "io.microsoft.": "hcsshim, the runtime of Windows",
}
# Domains that occur within keys: each plugin has its own subdomain.
DOMAINS: Final = {
    # https://github.com/cri-o/cri-o/blob/main/ANNOTATION_MIGRATION.md
    ".crio.io": "CRI-O",
    # https://github.com/containerd/nri/tree/main/plugins
    ".nri.io": "NRI plugins",
    ".noderesource.dev": "NRI plugins",
}
