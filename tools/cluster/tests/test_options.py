"""What a cluster can be asked to be."""

from pathlib import Path

import pytest
from cluster import options
from cluster.errors import ClusterError
from cluster.options import Nodes, Options, Provider


def test_every_option_can_be_set_by_the_environment() -> None:
    environ = {"NODES": "both", "KWOK_NODES": "7", "KCM_QPS": "100", "CLUSTER": "kind", "STATE": "there"}
    assert options.from_environment(environ) == Options(
        nodes=Nodes.BOTH, kwok_nodes=7, kcm_qps=100, provider=Provider.KIND, state=Path("there")
    )


def test_an_empty_variable_counts_as_unset() -> None:
    environ = dict.fromkeys(("NODES", "KWOK_NODES", "KCM_QPS", "CLUSTER", "STATE"), "")
    assert options.from_environment(environ) == options.from_environment({})


def test_the_default_uses_a_real_node_only_as_root(monkeypatch: pytest.MonkeyPatch) -> None:
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
