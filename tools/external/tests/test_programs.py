"""Tools of other projects: where they are in the cache, and what a run without them reports."""

import re
import shutil
from pathlib import Path

import external.__main__ as command
import pytest
from cluster.host import toolchain
from cluster.report import Report
from external import programs
from external.programs import TOOLS, Tool


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def build(tool: Tool) -> None:
    tool.folder.mkdir(parents=True)
    for name in tool.packages:
        (tool.folder / name).touch()


def test_a_tool_that_is_built_is_not_built_again(tmp_path: Path) -> None:
    # No Go could build this module.
    tool = Tool(tmp_path, {"one": "example.org/one"})
    for name in ("go.mod", "go.sum"):
        (tmp_path / name).write_text("")
    assert tool.missing() == ["one"]
    build(tool)
    assert programs.provide(tool, Report(quiet=True)) == tool.folder


@pytest.mark.parametrize("changed", ["go.mod", "go.sum"])
def test_another_version_of_a_tool_has_another_place_in_the_cache(tmp_path: Path, changed: str) -> None:
    module = tmp_path / "helm"
    shutil.copytree(TOOLS["helm"].module, module)
    before = Tool(module, {}).folder
    with (module / changed).open("a") as file:
        file.write("\n")
    assert Tool(module, {}).folder != before


def test_go_may_fetch_the_newer_go_that_a_tool_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text(
        """#!/bin/sh
case $1 in
    mod) echo "{\\"Dir\\": \\"$GOTOOLCHAIN\\"}" ;;
    list) echo "example.org/one fmt" ;;
    build) while [ "$1" != -o ]; do shift; done; echo "$GOTOOLCHAIN" > "$2" ;;
esac
"""
    )
    go.chmod(0o755)
    for name in ("go.mod", "go.sum"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(toolchain, "go", lambda *_: str(go))
    monkeypatch.setenv("GOTOOLCHAIN", "local")
    tool = Tool(tmp_path, {"one": "example.org/one"})
    assert programs.source(tool, "example.org/one") == Path("auto")
    assert (programs.provide(tool, Report(quiet=True)) / "one").read_text() == "auto\n"


def test_a_run_names_the_tools_that_are_not_built(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--cached"]) == command.NOT_CACHED
    assert capsys.readouterr().out == f"not built yet: {', '.join(TOOLS)}\n"
    for tool in TOOLS.values():
        build(tool)
    assert command.main(["--cached"]) == 0


def test_an_unknown_tool_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["helmet"])
    assert f"no such tool: helmet; there are {', '.join(TOOLS)}" in capsys.readouterr().err


@pytest.mark.parametrize("name", TOOLS)
def test_a_module_pins_the_tool_that_it_builds(name: str) -> None:
    tool = TOOLS[name]
    required = re.findall(r"^\t(\S+) v\S+", (tool.module / "go.mod").read_text(), re.MULTILINE)
    for package in tool.packages.values():
        assert any(package == module or package.startswith(f"{module}/") for module in required)
