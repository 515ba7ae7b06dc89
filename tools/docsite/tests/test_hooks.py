from pathlib import Path

import pytest
from docsite import hooks


def rewritten(text: str, page: str) -> str:
    path = hooks.ROOT / page
    return hooks._rewritten(text, path, hooks._uri(path))


@pytest.mark.parametrize(
    ("page", "link", "place"),
    [
        pytest.param("docs/pods.md", "api.md#spec", "api.md#spec", id="a page to a page"),
        pytest.param("docs/pods.md", "../README.md#install", "repository/README.md#install", id="a page to the README"),
        pytest.param(
            "docs/pods.md", "../tools/stages.py", "repository/tools/stages.py.md", id="a page to a file of the code"
        ),
        pytest.param("docs/decisions/README.md", "../../README.md", "../repository/README.md", id="a page in a folder"),
        pytest.param("docs/pods.md", "../crds", "repository/crds/index.md", id="a page to a folder"),
        pytest.param("README.md", "docs/pods.md", "../pods.md", id="the README to a page"),
        pytest.param("operator/README.md", "../docs/pods.md", "../../pods.md", id="the map to a page"),
        pytest.param("docs/pods.md", "https://kubernetes.io/docs/", "https://kubernetes.io/docs/", id="another site"),
        pytest.param("docs/pods.md", "#sidecars", "#sidecars", id="the page itself"),
        pytest.param("docs/pods.md", "../nowhere.md", "../nowhere.md", id="a dead link stays, for the strict build"),
    ],
)
def test_a_link_leads_to_where_the_site_has_the_file(page: str, link: str, place: str) -> None:
    assert rewritten(f"See [this]({link}).", page) == f"See [this]({place})."


def test_links_in_code_stay_as_they_are() -> None:
    text = "`[a](../README.md)`\n\n```text\n[a](../README.md)\n```\n"
    assert rewritten(text, "docs/pods.md") == text


def test_a_file_is_shown_in_a_fence_that_it_cannot_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "ROOT", tmp_path)
    (tmp_path / "a.py").write_text('"""\n```\n"""\n')
    assert hooks._shown(tmp_path / "a.py").endswith('``````python\n"""\n```\n"""\n\n``````\n')
