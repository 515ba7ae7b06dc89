"""What a cluster can be asked to be."""

from pathlib import Path

import pytest
from cluster import options
from cluster.errors import ClusterError
from cluster.options import Nodes, Options, Provider


def test_the_environment_gives_every_option() -> None:
    environ = {"NODES": "both", "KWOK_NODES": "7", "KCM_QPS": "100", "CLUSTER": "kind", "STATE": "there"}
    assert options.from_environment(environ) == Options(
        nodes=Nodes.BOTH, kwok_nodes=7, kcm_qps=100, provider=Provider.KIND, state=Path("there")
    )


def test_an_empty_variable_is_no_variable() -> None:
    environ = dict.fromkeys(("NODES", "KWOK_NODES", "KCM_QPS", "CLUSTER", "STATE"), "")
    assert options.from_environment(environ) == options.from_environment({})


def test_the_default_needs_root_only_if_it_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert options.from_environment({}).nodes is Nodes.REAL
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert options.from_environment({}).nodes is Nodes.KWOK


@pytest.mark.parametrize(
    ("name", "text"),
    [("NODES", "fake"), ("KWOK_NODES", "-1"), ("KWOK_NODES", "0"), ("KCM_QPS", "many"), ("CLUSTER", "minikube")],
)
def test_a_bad_value_is_named(name: str, text: str) -> None:
    with pytest.raises(ClusterError, match=f"{name} must be .*{text}"):
        options.from_environment({name: text})
