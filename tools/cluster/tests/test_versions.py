"""Which versions of Kubernetes a cluster can have, and the Go module that builds one of them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cluster import versions
from cluster.errors import ClusterError
from cluster.host import kubernetesmodule, toolchain
from cluster.life.bringup import BringUp
from cluster.life.state import Facts, State
from cluster.options import Nodes, Options
from cluster.report import Report
from simjob.runtime.client import serverversion

PUBLISHED: dict[str, Any] = {
    "Go": "1.24.0",
    "Godebug": [{"Key": "default", "Value": "go1.24"}],
    "Replace": [
        {"Old": {"Path": "k8s.io/client-go"}, "New": {"Path": "./staging/src/k8s.io/client-go"}},
        {"Old": {"Path": "k8s.io/api"}, "New": {"Path": "./staging/src/k8s.io/api"}},
    ],
}


@pytest.mark.parametrize("text", ["1.34", "v1.34", "1.34.4", "v1.34.4"])
def test_a_minor_stands_for_its_patch(text: str) -> None:
    assert versions.parse(text) == "v1.34.4"


@pytest.mark.parametrize("text", ["1.32", "1.34.3", "1", "34", "latest", "1.34.4.1"])
def test_an_unknown_version_is_refused_with_those_that_there_are(text: str) -> None:
    with pytest.raises(ClusterError, match=f"KUBERNETES must be one of 1.33, .*1.37, not '{text}'") as refused:
        versions.parse(text)
    assert "v1.33.13, v1.34.4" in refused.value.hint


def test_an_empty_variable_means_the_pinned_version() -> None:
    assert versions.from_environment({}) == versions.from_environment({"KUBERNETES": ""}) == versions.pinned()


def test_the_pinned_version_is_one_of_those_that_are_tested() -> None:
    assert versions.pinned() in versions.PATCHES.values()


def test_the_oldest_version_is_the_oldest_that_the_operator_accepts() -> None:
    assert next(iter(versions.PATCHES)) == "{}.{}".format(*serverversion.MINIMUM)


def test_each_minor_names_a_patch_of_itself() -> None:
    assert all(version.startswith(f"v{minor}.") for minor, version in versions.PATCHES.items())


def test_the_parts_of_kubernetes_come_from_modules_of_the_same_patch() -> None:
    written = kubernetesmodule.render("v1.33.13", PUBLISHED)
    assert "require k8s.io/kubernetes v1.33.13\n" in written
    assert "\tk8s.io/api => k8s.io/api v0.33.13\n\tk8s.io/client-go => k8s.io/client-go v0.33.13\n" in written
    assert "\ngo 1.24.0\n" in written
    assert "\ngodebug default=go1.24\n" in written


def test_other_replacements_than_those_of_its_own_parts_are_left_out() -> None:
    other = {"Old": {"Path": "example.org/a"}, "New": {"Path": "example.org/b", "Version": "v1.0.0"}}
    written = kubernetesmodule.render("v1.33.13", {**PUBLISHED, "Replace": [other]})
    assert "example.org" not in written


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Go that knows one version of Kubernetes; nothing of it if a file says so."""
    program = tmp_path / "go"
    program.write_text(
        f"""#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/asked"
[ -e "$here/offline" ] && {{ echo 'dial tcp: no route to host' >&2; exit 1; }}
case "$1" in
list) echo '{{"GoMod": "/cache/v1.33.13.mod"}}' ;;
mod) echo '{json.dumps(PUBLISHED)}' ;;
esac
"""
    )
    program.chmod(0o755)
    monkeypatch.setattr(toolchain, "go", lambda *_: str(program))
    return tmp_path


def test_a_module_is_written_once(go: Path) -> None:
    module = go / "cache" / "module"
    kubernetesmodule.write("v1.33.13", module)
    assert (module / "go.mod").read_text() == kubernetesmodule.render("v1.33.13", PUBLISHED)
    (module / "go.mod").write_text("what go has added\n")
    kubernetesmodule.write("v1.33.13", module)
    assert (module / "go.mod").read_text() == "what go has added\n"
    assert (go / "asked").read_text().splitlines() == [
        "list -m -json k8s.io/kubernetes@v1.33.13",
        "mod edit -json /cache/v1.33.13.mod",
    ]


def test_a_module_that_cannot_be_fetched_leaves_nothing(go: Path) -> None:
    (go / "offline").touch()
    with pytest.raises(ClusterError, match="no route to host") as failed:
        kubernetesmodule.write("v1.33.13", go / "module")
    assert "proxy" in failed.value.hint
    assert list((go / "module").iterdir()) == []


def test_the_go_that_a_module_needs_is_read_from_it(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text(kubernetesmodule.render("v1.33.13", PUBLISHED))
    assert kubernetesmodule.needed_go(tmp_path) == (1, 24)


def test_a_build_that_needs_a_newer_go_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess([], 0, stdout="go version go1.26.8 linux/amd64\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(ClusterError, match=r"needs Go 1\.99 or newer, and there is none"):
        toolchain.go((1, 99))


def bring_up(state: State, version: str) -> BringUp:
    return BringUp(Options(state=state.folder, nodes=Nodes.KWOK, kubernetes=version), state, Report(quiet=True))


def test_data_of_a_newer_kubernetes_are_not_given_to_an_older_one(tmp_path: Path) -> None:
    state = State.at(tmp_path)
    state.create()
    state.write_facts(Facts(block="", ports={}, nodes="kwok", kwok_nodes=1, kcm_qps=20, kubernetes="v1.34.4"))
    with pytest.raises(ClusterError, match=r"has the data of Kubernetes v1\.34\.4, and v1\.33\.13 is older") as refused:
        bring_up(state, "v1.33.13").run()
    assert f"cluster down --state {state.folder}" in refused.value.hint
    for version in ("v1.34.4", "v1.35.4"):
        bring_up(state, version)._refuse_downgrade()
