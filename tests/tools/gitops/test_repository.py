"""The git server that the tests of GitOps tools use."""

import subprocess
from pathlib import Path

from tools.gitops.repository import GitServer


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


def test_git_clones_what_was_committed_last(tmp_path: Path) -> None:
    server = GitServer(tmp_path / "served")
    repository = server.repository("wing")
    repository.commit({"wing/sweep.yaml": {"kind": "first"}, "wing/tail.yaml": {}})
    commit = repository.commit({"wing/sweep.yaml": {"kind": "second"}})
    clone = tmp_path / "clone"
    git("clone", "--quiet", repository.url, str(clone))
    server.close()
    assert git("-C", str(clone), "rev-parse", "HEAD").strip() == commit
    assert [path.name for path in (clone / "wing").iterdir()] == ["sweep.yaml"]
    assert (clone / "wing/sweep.yaml").read_text() == "kind: second\n"
