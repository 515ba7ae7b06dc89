"""Processes that outlive the command that started them."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.host import processes
from cluster.host.processes import Processes


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Processes]:
    for name in ("records", "logs"):
        (tmp_path / name).mkdir()
    cluster = f"test-{os.getpid()}-{tmp_path.name}"
    yield Processes(cluster, tmp_path / "records", tmp_path / "logs")
    for pid in processes.marked(cluster):
        processes.send(pid, signal.SIGKILL)


def test_a_process_with_the_wanted_command_is_kept(children: Processes) -> None:
    assert children.start("sleeper", ["/bin/sleep", "60"])
    pid = children.pid("sleeper")
    assert not children.start("sleeper", ["/bin/sleep", "60"])
    assert children.pid("sleeper") == pid


def test_a_changed_command_line_restarts_the_process(children: Processes) -> None:
    children.start("sleeper", ["/bin/sleep", "60"])
    pid = children.pid("sleeper")
    assert children.start("sleeper", ["/bin/sleep", "61"])
    assert children.pid("sleeper") not in (None, pid)
    assert processes.start_time(pid or 0) is None


def test_a_dead_process_is_restarted(children: Processes) -> None:
    children.start("sleeper", ["/bin/sleep", "60"])
    children.kill("sleeper")
    assert not children.is_running("sleeper")
    assert children.start("sleeper", ["/bin/sleep", "60"])


def test_another_process_with_the_same_pid_is_not_ours(children: Processes) -> None:
    children.start("sleeper", ["/bin/sleep", "60"])
    record = children.records / "sleeper.json"
    record.write_text(record.read_text().replace('"started": ', '"started": 1'))
    assert not children.is_running("sleeper")


def test_output_goes_to_the_log(children: Processes) -> None:
    children.start("talker", ["/bin/sh", "-c", "echo out; echo err >&2"])
    processes.wait_gone([children.pid("talker") or 0], 5)
    assert children.log("talker").read_text() == "out\nerr\n"


def test_the_mark_finds_descendants_without_a_record(children: Processes) -> None:
    children.start("parent", ["/bin/sh", "-c", "sleep 60 & wait"])
    child = children.adopt_child("parent")
    for record in children.records.iterdir():
        record.unlink()
    assert child in processes.marked(children.cluster)
    assert len(processes.marked(children.cluster)) == 2


def test_proxy_settings_of_the_user_are_not_passed_on(children: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    children.start("shower", ["/usr/bin/env"])
    processes.wait_gone([children.pid("shower") or 0], 5)
    assert "PROXY" not in children.log("shower").read_text()
