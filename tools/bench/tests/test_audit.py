"""Requests from an audit log, also through its rotation."""

import json
from pathlib import Path

import pytest
from bench.observing import access, audit
from bench.observing.audit import OPERATOR, Audit, Request


def a_line(user: str, verb: str, resource: str, namespace: str = "ns", code: int = 201, subresource: str = "") -> str:
    target = {"resource": resource, "namespace": namespace, "subresource": subresource}
    record = {
        "verb": verb,
        "user": {"username": user, "groups": ["g"]},
        "userAgent": "program/v1 (linux)",
        "objectRef": target,
        "responseStatus": {"code": code},
    }
    return json.dumps(record) + "\n"


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        pytest.param(OPERATOR, "operator", id="the operator"),
        pytest.param(access.account("bare"), "bare", id="the service account of the bare baseline"),
        pytest.param("system:kube-scheduler", "scheduler", id="the scheduler"),
        pytest.param(
            "system:kube-controller-manager", "controller manager", id="a controller with the manager's own user"
        ),
        pytest.param(
            "system:serviceaccount:kube-system:job-controller",
            "controller manager",
            id="a controller with its own service account",
        ),
        pytest.param("admin", "admin", id="anybody else"),
    ],
)
def test_a_user_is_assigned_to_its_system(user: str, expected: str) -> None:
    assert audit.who(user) == expected


def test_requests_are_counted_by_kind_in_the_trials_namespaces_only(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    lines = [
        a_line(OPERATOR, "create", "pods"),
        a_line(OPERATOR, "create", "pods"),
        a_line(OPERATOR, "create", "pods", code=429),
        a_line(OPERATOR, "patch", "jobs", subresource="status"),
        a_line(OPERATOR, "create", "pods", namespace="warm-up"),
    ]
    log.write_text("".join(lines))
    found = audit.count(Audit(log).records(audit.Position(log.stat().st_ino, 0)), ["ns"])
    assert found == {
        Request("operator", "program", "create", "pods"): 2,
        Request("operator", "program", "create", "pods", refused=True): 1,
        Request("operator", "program", "patch", "jobs/status"): 1,
    }
    assert audit.total(found, "operator") == 4


def test_reads_are_not_counted_as_writes() -> None:
    found = {Request("operator", "p", "list", "pods"): 3, Request("operator", "p", "delete", "pods"): 2}
    assert audit.total(found, "operator", writes_only=True) == 2


def test_entries_from_before_the_start_are_not_read(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(a_line(OPERATOR, "create", "pods"))
    found = Audit(log)
    start = found.position()
    with log.open("a") as more:
        more.write(a_line(OPERATOR, "delete", "pods"))
        more.write('{"half": ')
    assert [record.verb for record in found.records(start)] == ["delete"]


def test_a_rotated_log_is_followed(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(a_line(OPERATOR, "create", "pods"))
    found = Audit(log)
    start = found.position()
    with log.open("a") as more:
        more.write(a_line(OPERATOR, "get", "pods"))
    log.rename(tmp_path / "audit-2026-01-01T00-00-00.000.log")
    log.write_text(a_line(OPERATOR, "patch", "pods"))
    log.rename(tmp_path / "audit-2026-01-01T00-00-01.000.log")
    log.write_text(a_line(OPERATOR, "delete", "pods"))
    assert [record.verb for record in found.records(start)] == ["get", "patch", "delete"]
