"""Which programs a cluster needs, and their names in the cache."""

from pathlib import Path

import pytest
from cluster import versions
from cluster.host import binaries
from cluster.report import tail


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "module"
    (folder / "pause").mkdir(parents=True)
    (folder / "go.mod").write_text("require (\n\tk8s.io/kubernetes v1.36.3\n)\n")
    (folder / "go.sum").write_text("sums")
    (folder / "pause" / "main.go").write_text("package main")
    return folder


@pytest.mark.parametrize("changed", ["go.mod", "go.sum", "pause/main.go"])
def test_any_source_changes_the_hash(module: Path, changed: str) -> None:
    before = binaries.content_hash(module)
    assert binaries.content_hash(module) == before
    (module / changed).write_text("other")
    assert binaries.content_hash(module) != before


def test_other_files_do_not_change_the_hash(module: Path) -> None:
    before = binaries.content_hash(module)
    (module / "README.md").write_text("words")
    assert binaries.content_hash(module) == before


def test_the_linker_gets_the_version(module: Path) -> None:
    flags = binaries.version_flags(versions.pinned(module))
    assert "version.gitVersion=v1.36.3 " in flags
    assert "version.gitMajor=1 " in flags
    assert flags.endswith("version.gitMinor=36")


def test_all_programs_of_kubernetes_are_published() -> None:
    own = {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"}
    assert set(binaries.PUBLISHED) == own


def test_the_end_of_a_log_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == "    (no log)"
    log.write_text("".join(f"{number}\n" for number in range(100)))
    assert tail(log, lines=2) == "    98\n    99"
