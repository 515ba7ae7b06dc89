from pathlib import Path

import pytest
from docsite.blocks import Block, blocks
from generated import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    pytest.param(block, id=f"{block.page.relative_to(ROOT)}:{block.line}") for page in PAGES for block in blocks(page)
]


@pytest.mark.parametrize("block", BLOCKS)
def test_every_shell_block_is_run_by_a_named_test_or_says_why_not(block: Block) -> None:
    assert block.is_marked, (
        "put `<!-- run by TEST -->` or `<!-- not run: REASON -->` before it, see tools/docsite/blocks.py"
    )
    if block.test is not None:
        assert block.page.stem in (ROOT / block.test).read_text()


@pytest.mark.parametrize(
    ("before", "is_marked"),
    [
        pytest.param("", False, id="no comment"),
        pytest.param("<!-- not run: -->\n\n", False, id="a comment without a reason"),
        pytest.param("<!-- somewhere else -->\n\n", False, id="a comment about something else"),
        pytest.param("<!-- not run: needs a registry -->\n\n", True, id="a reason"),
        pytest.param("<!-- run by tests/x.py -->\n", True, id="the test that runs it"),
        pytest.param(
            "<!-- not run: of an earlier block -->\n\nwords\n\n", False, id="a reason that belongs to an earlier block"
        ),
    ],
)
def test_a_block_without_a_test_and_without_a_reason_is_found(tmp_path: Path, before: str, is_marked: bool) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{before}```console\n$ kubectl get pods\n```\n")
    assert [block.is_marked for block in blocks(page)] == [is_marked]


def test_a_block_in_a_list_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("1. Look:\n\n    ```console\n    $ kubectl get pods\n    ```\n")
    assert [(block.line, block.is_marked) for block in blocks(page)] == [(3, False)]


def test_a_page_may_declare_only_its_console_blocks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- console blocks run by tests/x.py -->\n\n```console\n$ true\n```\n\n```sh\ntrue\n```\n\n"
        "<!-- not run: it hangs -->\n\n```console\n$ cat\n```\n"
    )
    assert [(block.line, block.test, block.is_marked) for block in blocks(page)] == [
        (3, "tests/x.py", True),
        (7, None, False),
        (13, None, True),
    ]
