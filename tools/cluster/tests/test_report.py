"""The output for the person who waits, on a terminal and in a log."""

import io
import sys
import time

import pytest
from cluster import report
from cluster.report import Report


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in the place of standard output. Not a fixture: pytest puts its own back before the test."""
    found = Terminal()
    monkeypatch.setattr(sys, "stdout", found)
    monkeypatch.setenv("COLUMNS", "40")
    return found


def test_progress_updates_one_line_and_the_next_step_replaces_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = a_terminal(monkeypatch)
    said = Report()
    said.progress("1 %")
    said.progress("2 % " + "x" * 100)
    said.step("done")
    said.step("next")
    shown = [text.replace("[  0.0 s] ", "") for text in terminal.getvalue().split(report.ERASE)]
    assert shown == ["", "1 %", "2 % " + "x" * 25, "done\nnext\n"]


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    said = Report(started=100.0)
    for second in range(31):
        now[0] = 100.0 + second
        said.progress(f"{second} %")
    assert capsys.readouterr().out.splitlines() == ["[  0.0 s] 0 %", "[ 15.0 s] 15 %", "[ 30.0 s] 30 %"]


def test_a_quiet_report_prints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = a_terminal(monkeypatch)
    said = Report(quiet=True)
    said.progress("1 %")
    said.step("done")
    said.close()
    assert terminal.getvalue() == ""


def test_an_open_line_is_removed_when_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = a_terminal(monkeypatch)
    said = Report()
    said.progress("1 %")
    said.close()
    said.close()
    assert terminal.getvalue().endswith("1 %" + report.ERASE)
