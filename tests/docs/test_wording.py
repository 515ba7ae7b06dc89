"""The texts of the package, the pages and the manifests avoid phrases that many people must read twice."""

import re

from generated import ROOT

# `make bench` writes this page.
MEASURED = ROOT / "docs/benchmarks.md"
TEXTS = [
    *(ROOT / "operator/simjob").rglob("*.py"),
    *ROOT.glob("*.md"),
    ROOT / "operator/README.md",
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "manifests").rglob("*.yaml"),
]
# Each has a common word in its place: again, forever, expensive, this many, because.
HARD_TO_READ = re.compile(
    r"\b(anew|for ever|dear to|what there is not|all that is its|so (many|much) (seconds|times|of)|whoever|"
    r"made again|told apart)\b",
    re.IGNORECASE,
)


def test_texts_use_the_common_word() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted(set(TEXTS) - {MEASURED})
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if HARD_TO_READ.search(line)
    ]
    assert found == []


def test_a_phrase_that_is_hard_to_read_is_found() -> None:
    assert HARD_TO_READ.search("It is written anew.")
    assert not HARD_TO_READ.search("A new file.")
