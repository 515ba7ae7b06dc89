"""The real node: its namespaces, network, cgroups, containerd, kubelet and kube-proxy."""
