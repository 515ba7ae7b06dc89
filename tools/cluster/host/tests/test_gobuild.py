"""Building Go programs: how far it is, and that an interrupt leaves nothing."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cluster.errors import ClusterError
from cluster.host import gobuild, processes, toolchain
from cluster.host.gobuild import Build
from cluster.report import Report

PACKAGES = {"one": "example.org/one", "two": "example.org/two"}
PARTS = {"one": {"link one", "a", "b", "c"}, "two": {"link two", "b", "c", "d"}}


def a_build(folder: Path, report: Report | None = None) -> Build:
    return Build(folder, PACKAGES, folder / "bin", report or Report(quiet=True), dict(PARTS))


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Go whose programs are made of two packages each; it fails, or takes long, where a file says so."""
    program = tmp_path / "go"
    program.write_text(
        """#!/bin/sh
here=$(dirname "$0")
if [ "$1" = list ]; then
    echo 'go: downloading x v1' >&2
    shift 3
    for package; do echo "$package fmt os"; done
    exit
fi
[ -e "$here/broken" ] && { echo no such package >&2; exit 1; }
while [ "$1" != -o ]; do shift; done
echo partial > "$2"
echo fmt >&2
[ -e "$here/slow" ] && { sleep 60 & echo $! > "$here/compiler"; wait; }
echo "built $3" > "$2"
"""
    )
    program.chmod(0o755)
    monkeypatch.setattr(toolchain, "go", lambda *_: str(program))
    monkeypatch.setattr(gobuild, "POLL_SECONDS", 0.01)
    return tmp_path


def test_packages_that_programs_share_count_once(tmp_path: Path) -> None:
    build = a_build(tmp_path)
    assert build.percent() == 0
    assert "33 %" in build._compiled("building one", "a\nb\nsomething else\n")
    build.done |= PARTS["one"]
    assert build.percent() == 66
    assert "83 %" in build._compiled("building two", "d\n")


def test_the_build_is_complete_only_with_its_last_program(tmp_path: Path) -> None:
    build = a_build(tmp_path)
    build.done |= PARTS["one"] | {"d"}
    assert build.percent() < 100
    build.done |= PARTS["two"]
    assert build.percent() == 100


def test_each_program_gets_its_name_when_it_is_complete(go: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build = Build(go, PACKAGES, go / "bin", Report())
    build.run("-s")
    assert {path.name: path.read_text() for path in (go / "bin").iterdir()} == {
        "one": "built example.org/one\n",
        "two": "built example.org/two\n",
    }
    assert build.percent() == 100
    assert "built one, two" in capsys.readouterr().out


def test_a_build_that_fails_shows_its_output_and_leaves_nothing(go: Path) -> None:
    (go / "broken").touch()
    with pytest.raises(ClusterError, match="one doesn't build:\n    no such package"):
        a_build(go).run("-s")
    assert list((go / "bin").iterdir()) == []


def test_an_interrupt_ends_the_compilers_and_leaves_nothing(go: Path) -> None:
    (go / "slow").touch()
    code = (
        "import signal; from pathlib import Path; from cluster.host import gobuild, toolchain\n"
        "from cluster.report import Report\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"here = Path({str(go)!r}); toolchain.go = lambda *_: str(here / 'go')\n"
        "gobuild.Build(here, {'one': 'x'}, here / 'bin', Report()).run('-s')"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as running:
        compiler = go / "compiler"
        limit = time.monotonic() + 20
        while not (compiler.exists() and compiler.read_text()) and time.monotonic() < limit:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=20) != 0
    assert list((go / "bin").iterdir()) == []
    assert processes.wait_gone([int(compiler.read_text())], seconds=1)


def test_the_real_go_names_what_a_program_is_made_of(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module example.org/m\n\ngo 1.24\n")
    (tmp_path / "main.go").write_text('package main\n\nimport "os"\n\nfunc main() { os.Exit(0) }\n')
    build = Build(tmp_path, {"m": "."}, tmp_path / "build" / "bin", Report(quiet=True))
    build.folder.mkdir(parents=True)
    parts = build._list()
    assert {"example.org/m", "os", "link m"} <= parts["m"]
