"""The cache of built programs."""

import stat
from pathlib import Path

import pytest
from cluster.errors import ClusterError
from cluster.host import binaries, toolchain


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "module"
    (folder / "pause").mkdir(parents=True)
    (folder / "go.mod").write_text("require (\n\tk8s.io/kubernetes v1.36.3\n)\n")
    (folder / "go.sum").write_text("sums")
    (folder / "pause" / "main.go").write_text("package main")
    return folder


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Go that writes what it was asked to build, or fails where a file `broken` is beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    program = tmp_path / "go"
    program.write_text(
        '#!/bin/sh\n[ -e "$(dirname "$0")/broken" ] && { echo no such package; exit 1; }\n'
        'while [ "$1" != -o ]; do shift; done\necho "built $3" > "$2"\necho "$3" >> "$(dirname "$0")/builds"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(toolchain, "go", lambda: str(program))
    return tmp_path


@pytest.mark.parametrize("changed", ["go.mod", "go.sum", "pause/main.go"])
def test_any_source_changes_the_hash(module: Path, changed: str) -> None:
    before = binaries.content_hash(module)
    assert binaries.content_hash(module) == before
    (module / changed).write_text("other")
    assert binaries.content_hash(module) != before


def test_what_is_no_source_changes_nothing(module: Path) -> None:
    before = binaries.content_hash(module)
    (module / "README.md").write_text("words")
    assert binaries.content_hash(module) == before


def test_the_linker_gets_the_version(module: Path) -> None:
    flags = binaries.version_flags(binaries.kubernetes_version(module))
    assert "version.gitVersion=v1.36.3 " in flags
    assert "version.gitMajor=1 " in flags
    assert flags.endswith("version.gitMinor=36")


def test_the_real_module_pins_a_version() -> None:
    assert binaries.kubernetes_version(binaries.MODULE).startswith("v1.")


def test_only_what_is_missing_is_built(go: Path) -> None:
    said: list[str] = []
    folder = binaries.build(["etcd"], said.append)
    assert binaries.build(["etcd", "kwok"], said.append) == folder
    assert (folder / "kwok").read_text() == "built sigs.k8s.io/kwok/cmd/kwok\n"
    assert (go / "builds").read_text().split() == [binaries.PACKAGES["etcd"], binaries.PACKAGES["kwok"]]
    assert any("building kwok (1 of 1)" in text for text in said)


def test_a_failed_build_shows_its_output_and_leaves_nothing(go: Path) -> None:
    (go / "broken").touch()
    with pytest.raises(ClusterError, match="etcd doesn't build:\n    no such package"):
        binaries.build(["etcd"], lambda _: None)
    assert list((go / "cache").rglob("*etcd")) == []


def test_a_log_is_shown_by_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert binaries.tail(log) == "    (no log)"
    log.write_text("".join(f"{number}\n" for number in range(100)))
    assert binaries.tail(log, lines=2) == "    98\n    99"
