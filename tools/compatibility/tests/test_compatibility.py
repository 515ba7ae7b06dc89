"""From the reports of pytest to the table in docs/compatibility.md."""

import sys
from datetime import date
from pathlib import Path

import compatibility.__main__ as command
import pytest
from cluster import versions
from compatibility import page, results, selection
from compatibility.results import Outcome, Results, Run

ROOT = Path(__file__).parents[3]
GOOD = dict.fromkeys(selection.ROWS, Outcome(passed=3))
REPORT = """\
<testsuites><testsuite name="pytest">
<testcase classname="tests.integration.cancel.test_cancel" name="test_a" />
<testcase classname="tests.integration.cancel.test_cancel_cases" name="test_b"><failure message="no" /></testcase>
<testcase classname="tests.integration.crd.test_bad_input" name="test_c[1]" />
<testcase classname="tests.integration.crd.test_fields" name="test_d"><error message="fixture" /></testcase>
<testcase classname="tests.integration.admission.test_attribution" name="test_e">
    <skipped message="needs Kubernetes 1.36" />
</testcase>
<testcase classname="tests.integration.cancel.test_cancel_refused" name="test_f" />
</testsuite></testsuites>
"""


def a_run(**rows: Outcome) -> Run:
    return Run(kubernetes="v1.33.13", day=date(2026, 1, 2), rows={**GOOD, **rows})


def cells(table: str, row: str) -> list[str]:
    (line,) = (line for line in table.splitlines() if line.startswith(f"| {row} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_every_path_of_the_selection_is_there() -> None:
    assert [path for path in selection.paths() if not (ROOT / path).exists()] == []


def test_a_report_is_counted_by_row(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT)
    found = results.read_report(tmp_path / "report.xml")
    assert found["Cancel"] == Outcome(passed=1, failed=1)
    assert found["Rules of the CRD"] == Outcome(passed=1, failed=1)
    assert found["Component `attribution`"] == Outcome(skipped={"needs Kubernetes 1.36": 1})
    assert found["Installation"] == Outcome()


def test_a_row_without_any_test_is_not_good() -> None:
    assert a_run().is_good
    assert not a_run(Cancel=Outcome()).is_good
    assert not a_run(Cancel=Outcome(passed=9, failed=1)).is_good


def test_the_table_says_what_passed_what_failed_and_what_was_not_run() -> None:
    run = a_run(
        **{
            "Cancel": Outcome(passed=9, failed=1),
            "Component `attribution`": Outcome(skipped={"needs Kubernetes 1.36": 16}),
            "Installation": Outcome(passed=3, skipped={"needs a moon": 1}),
            "Rules of the CRD": Outcome(),
        }
    )
    table = page.table(Results(runs={"1.33": run}))
    rest = ["not run"] * (len(versions.PATCHES) - 1)
    assert cells(table, "Cancel") == ["**1 failed**, 9 passed", *rest]
    assert cells(table, "Component `attribution`") == ["needs Kubernetes 1.36", *rest]
    assert cells(table, "Installation") == ["3 passed; 1 needs a moon", *rest]
    assert cells(table, "Rules of the CRD") == ["**no result**", *rest]
    assert cells(table, "Tested on") == ["2026-01-02", *rest]


def test_a_run_on_an_earlier_patch_is_named() -> None:
    run = a_run().model_copy(update={"kubernetes": "v1.33.2"})
    assert cells(page.table(Results(runs={"1.33": run})), "Tested on")[0] == "2026-01-02, 1.33.2"


def test_the_page_shows_the_results_that_are_kept() -> None:
    assert page.render(results.load()) == page.PAGE.read_text()


def test_rows_that_are_run_again_replace_only_themselves() -> None:
    last = a_run(Cancel=Outcome(failed=1), Installation=Outcome(passed=7))
    again = a_run(Cancel=Outcome(passed=9)).model_copy(update={"day": date(2026, 1, 5)})
    merged = last.with_rows(["Cancel"], again)
    assert (merged.rows["Cancel"], merged.rows["Installation"]) == (Outcome(passed=9), Outcome(passed=7))
    assert merged.day == date(2026, 1, 2)


def test_a_row_cannot_be_run_again_on_a_version_without_a_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results, "load", Results)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert command.main(["--row", "Cancel", "1.33"]) == 1
    assert "no run on v1.33.13 is kept" in capsys.readouterr().err


def test_results_are_kept_from_run_to_run(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    results.save(results.load(file).with_run("1.34", a_run()), file)
    results.save(results.load(file).with_run("1.33", a_run()), file)
    assert list(results.load(file).runs) == ["1.33", "1.34"]


def test_results_of_other_rows_count_as_not_run(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    results.save(
        Results(runs={"1.33": Run(kubernetes="v1.33.13", day=date(2026, 1, 2), rows={"Old": Outcome()})}), file
    )
    assert results.load(file) == Results()


def test_only_the_table_of_the_page_changes(tmp_path: Path) -> None:
    text = page.PAGE.read_text()
    changed = page.render(Results(), page.PAGE)
    assert changed.splitlines()[0] == text.splitlines()[0]
    assert changed.splitlines()[-1] == text.splitlines()[-1]
    (tmp_path / "page.md").write_text(changed)
    assert page.render(Results(), tmp_path / "page.md") == changed


def test_an_unknown_version_is_refused_before_anything_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["1.33", "1.99"]) == 1
    assert "KUBERNETES must be one of" in capsys.readouterr().err


def test_a_version_that_cannot_be_built_is_reported_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = page.PAGE.read_text()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert command.main(["1.33"]) == 1
    assert "v1.33.13   NOT RUN" in capsys.readouterr().out
    assert page.PAGE.read_text() == before
