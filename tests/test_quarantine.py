"""How a failing test in quarantine is treated, in a separate pytest."""

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from quarantine import LONGEST, QUARANTINE

SINCE = date(2026, 11, 1)
TEST = "import pytest\n\n@pytest.mark.parametrize('x', [1])\ndef test_x(x):\n    assert x == 2\n"
CONFTEST = """
import datetime
import quarantine

def pytest_collection_modifyitems(items):
    listed = {{"test_given.py::{name}": quarantine.Quarantined(datetime.date(2026, 11, 1), "a clock")}}
    quarantine.apply(items, listed, datetime.date({today:%Y, %-m, %-d}))
"""


@pytest.mark.parametrize(
    ("name", "days", "code", "words"),
    [
        pytest.param("test_x", LONGEST.days, pytest.ExitCode.OK, "1 xfailed", id="its failure does not fail the run"),
        pytest.param("test_y", 0, pytest.ExitCode.TESTS_FAILED, "1 failed", id="another test fails the run"),
        pytest.param("test_x", LONGEST.days + 1, pytest.ExitCode.USAGE_ERROR, "mend the test", id="14 days are over"),
    ],
)
def test_a_failing_test_in_quarantine(tmp_path: Path, name: str, days: int, code: pytest.ExitCode, words: str) -> None:
    (tmp_path / "test_given.py").write_text(TEST)
    (tmp_path / "conftest.py").write_text(CONFTEST.format(name=name, today=SINCE + timedelta(days=days)))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_given.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert words in done.stdout + done.stderr


def test_each_test_in_quarantine_exists(request: pytest.FixtureRequest) -> None:
    root = request.config.rootpath
    unknown = [
        name
        for name in QUARANTINE
        if f"def {name.rpartition('::')[2]}(" not in (root / name.partition("::")[0]).read_text()
    ]
    assert not unknown
