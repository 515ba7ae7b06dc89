"""The rows and the programs that docs/results.md shows."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from generated import ROOT
from simjob.api.cases import Case
from simjob.core import results, terminationmessage
from simjob.core.plan import End

PAGE = (ROOT / "docs/results.md").read_text()
README = (ROOT / "README.md").read_text()
(ROWS,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
(READER,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
CUT = '{"drag": [0.1, 0.2, '


def test_the_rows_of_the_page_are_as_the_operator_writes_them() -> None:
    ends = [
        (End(index=3, name="3", succeeded=True, result='{"drag": 0.31}'), {"mesh": 2}),
        (End(index=4, name="4", succeeded=False, exit_code=3, result="diverged at step 12"), {"mesh": 3}),
        (End(index=5, name="5", succeeded=True, result=CUT, cut=True), {"mesh": 4}),
    ]
    assert "".join(results.line(end, Case(end.index, end.name, given)) for end, given in ends) == ROWS


def test_the_pages_reader_makes_a_table_in_the_order_of_the_cases(tmp_path: Path) -> None:
    backwards = [*ROWS.splitlines()[::-1], '{"index":1,"name":"1","parameters":{"mesh":1},"result":{"drag":NaN}}']
    (tmp_path / "wing.jsonl").write_text("\n".join(backwards))
    show = 'print(table.to_json(orient="records"), table["result.drag"].dtype)'
    program = f"{READER}\n{show}\n"
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    table, dtype = printed.rsplit(maxsplit=1)
    assert dtype == "float64"
    columns = ("index", "parameters.mesh", "result.drag")
    rows = [tuple(row[column] for column in columns) for row in json.loads(table)]
    assert rows == [(1, 1, None), (3, 2, 0.31), (4, 3, None)]


@pytest.mark.parametrize(
    "bytes_", [terminationmessage.FILE_BYTES, terminationmessage.LOG_BYTES, 12 * 1024 // 4, 12 * 1024 // 5]
)
def test_the_page_names_the_limits(bytes_: int) -> None:
    assert re.search(rf"\b{bytes_}\b", PAGE)


def test_the_readmes_recipe_puts_rows_in_the_order_of_the_cases() -> None:
    (recipe,) = re.findall(r"^python3 -c '\n(.*?)\n' < wing.jsonl > wing.csv", README, flags=re.S | re.M)
    lines = "\n".join(ROWS.splitlines()[::-1])
    done = subprocess.run([sys.executable, "-c", recipe], input=lines, capture_output=True, text=True, check=True)
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == ["index", "3", "4", "5"]
