"""CLUSTER=kind: the calls of kind, and the message if kind or Docker is missing. The programs are stand-ins."""

from pathlib import Path

import pytest
from cluster import provider, versions
from cluster.errors import ClusterError
from cluster.life.state import State
from cluster.options import Nodes, Options, Provider
from cluster.report import Report

DOCKER = '[ ! -e "$0.down" ] || { echo "Cannot connect to the Docker daemon" >&2; exit 1; }'
# It knows the clusters that it was asked to create, and remembers what it was asked.
KIND = """here=$(dirname "$0")
echo "$*" >> "$here/asked"
case "$1 $2" in
"get clusters") [ ! -e "$here/clusters" ] || cat "$here/clusters" ;;
"create cluster") [ ! -e "$here/broken" ] || { echo "no space left" >&2; exit 1; }; echo "$8" >> "$here/clusters" ;;
"delete cluster") rm -f "$here/clusters" ;;
esac"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, script in {"docker": DOCKER, "kind": KIND}.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def up(tmp_path: Path, kubernetes: str = versions.PATCHES["1.36"]) -> provider.Cluster:
    options = Options(state=tmp_path / "state", nodes=Nodes.KWOK, provider=Provider.KIND, kubernetes=kubernetes)
    return provider.up(options, Report(quiet=True))


def asked(programs: Path) -> list[str]:
    return [" ".join(line.split()[:2]) for line in (programs / "asked").read_text().splitlines()]


@pytest.mark.parametrize("missing", [("docker",), ("kind",), ("docker", "kind")], ids=" and ".join)
def test_what_is_missing_is_named_in_one_sentence(
    programs: Path, tmp_path: Path, missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in missing:
        (programs / name).unlink()
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(ClusterError) as raised:
        up(tmp_path)
    assert str(raised.value) == f"CLUSTER=kind needs docker and kind; not installed: {', '.join(missing)}"
    assert not (tmp_path / "state").exists()


def test_a_docker_daemon_that_does_not_run_is_reported(programs: Path, tmp_path: Path) -> None:
    (programs / "docker.down").touch()
    with pytest.raises(ClusterError, match="Docker's daemon, which does not answer: Cannot connect"):
        up(tmp_path)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("version", versions.PATCHES.values())
def test_kind_makes_a_cluster_of_each_version(programs: Path, tmp_path: Path, version: str) -> None:
    assert up(tmp_path, version).kubernetes == version
    assert f"--image kindest/node:{version} " in (programs / "asked").read_text()


def test_kind_makes_a_cluster_once(programs: Path, tmp_path: Path) -> None:
    cluster = up(tmp_path)
    assert Nodes(cluster.state.facts().nodes) is Nodes.REAL
    assert up(tmp_path).state == cluster.state
    assert asked(programs) == ["get clusters", "create cluster", "get clusters", "export kubeconfig"]


def test_images_are_loaded_and_the_cluster_is_removed_by_kind(programs: Path, tmp_path: Path) -> None:
    cluster = up(tmp_path)
    cluster.load_image(tmp_path / "image.tar")
    cluster.down()
    assert asked(programs)[2:] == ["load image-archive", "delete cluster"]
    assert not State.at(tmp_path / "state").exists


def test_a_cluster_that_kind_cannot_finish_is_removed(programs: Path, tmp_path: Path) -> None:
    (programs / "broken").touch()
    with pytest.raises(ClusterError, match="no space left"):
        up(tmp_path)
    assert asked(programs) == ["get clusters", "create cluster", "delete cluster"]
    assert not (tmp_path / "state").exists()
