import re

import pytest
from simjob.runtime.process import settings
from simjob.runtime.process.settings import Settings


def test_the_defaults_suit_two_replicas_in_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAMESPACE", "simulations")
    found = settings.load([])
    assert found.namespaces == ()
    assert found.leader_election
    assert found.lease_namespace == "simulations"
    assert (found.lease_duration_seconds, found.lease_renew_deadline_seconds, found.lease_retry_seconds) == (15, 10, 2)
    assert (found.max_requests, found.health_port, found.log_format) == (128, 8080, "json")


def test_no_two_processes_have_the_same_identity() -> None:
    assert settings.load([]).identity != settings.load([]).identity


def test_namespaces_are_separated_by_commas_in_flag_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load(["--namespaces", "a, b"]).namespaces == ("a", "b")
    monkeypatch.setenv("SIMJOB_NAMESPACES", "c,d")
    assert settings.load([]).namespaces == ("c", "d")


def test_a_flag_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMJOB_WORKERS", "3")
    assert settings.load([]).workers == 3
    assert settings.load(["--workers", "5"]).workers == 5


def test_leader_election_can_be_turned_off_by_a_flag() -> None:
    assert not settings.load(["--no-leader-election"]).leader_election


def test_lease_times_that_would_allow_two_leaders_are_refused() -> None:
    with pytest.raises(ValueError, match="the times of the Lease must be in this order"):
        Settings(lease_renew_deadline_seconds=20)


def test_an_unknown_flag_ends_the_process_with_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        settings.load(["--wokers", "5"])
    assert "--wokers" in capsys.readouterr().err


def test_help_explains_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        settings.load(["--help"])
    shown = re.sub(r"\s+", "", capsys.readouterr().out)
    for name, field in Settings.model_fields.items():
        assert field.description
        assert f"--{name.replace('_', '-')}" in shown
        assert field.description.replace(" ", "") in shown
