"""The commands of docs/install.md for Helm, run as they are on the page."""

import os
from pathlib import Path

import pytest
from cluster.host import toolchain
from cluster.provider import Cluster
from docsite.blocks import fenced
from integration.support.client import Client
from integration.support.installation import MANIFESTS, SYSTEM
from integration.support.transcript import Terminal
from release import version
from tools.helm import worlds
from tools.helm.program import RELEASE, Helm

pytestmark = pytest.mark.tools

ROOT = MANIFESTS.parent


def test_the_commands_of_the_installation_page_install_and_upgrade(
    helm: Helm, kwok_cluster: Cluster, client: Client, tmp_path: Path
) -> None:
    (commands,) = (block for block in fenced((ROOT / "docs/install.md").read_text(), "sh") if "helm upgrade" in block)
    (tmp_path / "manifests").symlink_to(MANIFESTS)
    programs = (helm.program.parent, Path(toolchain.kubectl()).parent, os.environ["PATH"])
    terminal = Terminal(tmp_path, helm.kubeconfig, "default", {**helm.homes, "PATH": ":".join(map(str, programs))})
    try:
        for revision in ("1", "2"):
            printed = terminal.run(f"set -e\n{commands}")
            assert f"REVISION: {revision}\n" in printed
            assert f"namespace/{SYSTEM}" in printed.splitlines()[-1]
        assert worlds.image_in_effect(client) == f"REGISTRY/simjob-operator:{version.current(ROOT)}"
        labels = client.get(f"/api/v1/namespaces/{SYSTEM}")["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        assert "deployed" in helm.run("list", worlds.IN_SYSTEM, f"--filter={RELEASE}")
    finally:
        worlds.remove(kwok_cluster)
