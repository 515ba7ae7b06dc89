"""After all other tests: what the API server thinks of everything that the operator asked of it."""

import pytest
from e2e.support.deployment import Operator
from integration.audit import Audit

pytestmark = pytest.mark.e2e


def test_the_api_server_never_refused_the_operator_for_want_of_a_permission(audit: Audit, operator: Operator) -> None:
    operator.leader()
    assert any(record["verb"] == "list" for record in audit.records()), "the log is there"
    assert audit.forbidden() == []


def test_every_deletion_named_the_uid_it_meant(audit: Audit, operator: Operator) -> None:
    operator.leader()
    assert audit.unsafe_deletions() == []
