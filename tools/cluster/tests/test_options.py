"""The options of a cluster."""

from pathlib import Path

import pytest
from cluster import options, versions
from cluster.errors import ClusterError
from cluster.options import Nodes, Options, Provider


def test_every_option_can_be_set_by_the_environment() -> None:
    environ = {
        "NODES": "kwok",
        "KWOK_NODES": "7",
        "KCM_QPS": "100",
        "CLUSTER": "kind",
        "STATE": "there",
        "KUBERNETES": "1.33",
    }
    assert options.from_environment(environ) == Options(
        nodes=Nodes.KWOK,
        kwok_nodes=7,
        kcm_qps=100,
        provider=Provider.KIND,
        state=Path("there"),
        kubernetes="v1.33.13",
    )


def test_an_empty_variable_counts_as_unset() -> None:
    environ = dict.fromkeys(("NODES", "KWOK_NODES", "KCM_QPS", "CLUSTER", "STATE", "KUBERNETES"), "")
    assert options.from_environment(environ) == options.from_environment({})


def test_the_default_uses_a_real_node_only_as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert options.from_environment({}).nodes is Nodes.REAL
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert options.from_environment({}).nodes is Nodes.KWOK


def test_another_version_than_the_pinned_one_has_fake_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    other = next(minor for minor, version in versions.PATCHES.items() if version != versions.pinned())
    assert options.from_environment({"KUBERNETES": other}).nodes is Nodes.KWOK
    with pytest.raises(ClusterError, match=f"NODES=real needs Kubernetes {versions.pinned()}, not v{other}"):
        options.from_environment({"KUBERNETES": other, "NODES": "real"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("NODES", "fake", id="an unknown kind of node"),
        pytest.param("KWOK_NODES", "-1", id="a negative number"),
        pytest.param("KWOK_NODES", "0", id="zero nodes"),
        pytest.param("KCM_QPS", "many", id="a number that is a word"),
        pytest.param("CLUSTER", "minikube", id="an unknown kind of cluster"),
        pytest.param("KUBERNETES", "1.32", id="an unknown version"),
    ],
)
def test_a_bad_value_is_named(name: str, text: str) -> None:
    with pytest.raises(ClusterError, match=f"{name} must be .*{text}"):
        options.from_environment({name: text})
