"""The cgroups of a node's pods, in a folder that plays the hierarchy: the kubelet removes them at any moment."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.node import cgroups

PODS = ("burstable/pod-1/container", "burstable/pod-2/container", "besteffort/pod-3")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [tmp_path])
    top = tmp_path / cgroups.name("test")
    for number, folder in enumerate(PODS):
        (top / folder).mkdir(parents=True)
        (top / folder / "cgroup.procs").write_text(f"{100 + number}\n0\n")
    return top


@pytest.fixture
def vanishing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the folder of pod-2 go away at the moment it is listed."""
    scandir = os.scandir

    def scan(path: str | int) -> Iterator[os.DirEntry[str]]:
        # shutil lists by descriptor.
        if isinstance(path, str) and path.endswith("pod-2"):
            shutil.rmtree(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)


def test_members_are_the_processes_of_all_folders(tree: Path) -> None:
    assert cgroups.members("test") == [100, 101, 102]
    shutil.rmtree(tree)
    assert cgroups.members("test") == []


@pytest.mark.usefixtures("vanishing")
def test_members_of_a_cgroup_that_goes_away_meanwhile_are_left_out() -> None:
    assert cgroups.members("test") == [100, 102]


@pytest.mark.usefixtures("vanishing")
def test_a_tree_is_removed_while_the_kubelet_removes_parts_of_it(tree: Path) -> None:
    for folder in PODS:
        (tree / folder / "cgroup.procs").unlink()
    cgroups.remove("test")
    assert not cgroups.exists("test")
