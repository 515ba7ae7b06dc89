"""What real containers leave in their termination log, and how long they ran."""

import csv
import json
import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from e2e.support.namespace import Namespace

pytestmark = pytest.mark.e2e

README = (Path(__file__).parents[2] / "README.md").read_text()
SAY = r"""case $SIMJOB_CASE_INDEX in
0) printf '{"drag": 0.31,\n "ok": true}' ;;
1) echo converged ;;
2) head -c 5120 /dev/zero | tr '\0' x ;;
3) printf 'a\001b\033[31m\000c\377\303(' ;;
4) ;;
5) echo '{"drag": NaN}'; exit_code=3 ;;
esac > /dev/termination-log
exit ${exit_code:-0}
"""


def rows(namespace: Namespace) -> dict[int, Any]:
    text = namespace.run("get", "cm", "sweep-results-0", "-o", r"jsonpath={.data.results\.jsonl}")
    return {row["index"]: row for row in map(json.loads, text.strip().split("\n"))}


def test_what_simulations_say_is_kept_whatever_it_is(namespace: Namespace) -> None:
    sweep = namespace.sweep(SAY, cases={"count": 6})
    status = sweep.wait_phase("FAILED")
    assert status["results"] == {"configMaps": ["sweep-results-0"], "rows": 5, "missing": 1}
    found = rows(namespace)
    assert found[0]["result"] == {"drag": 0.31, "ok": True}
    assert found[1]["result"] == "converged\n"
    assert found[2]["result"] == "x" * 4096, "the kubelet keeps so much"
    assert found[3]["result"].startswith("a\x01b\x1b[31m\x00c"), "control characters are escaped"
    assert (found[5]["outcome"], found[5]["exitCode"], found[5]["result"]) == ("Failed", 3, '{"drag": NaN}\n')


def test_the_readmes_recipe_makes_one_table_of_all_shards(namespace: Namespace, tmp_path: Path) -> None:
    sweep = namespace.sweep(
        """printf '{"drag": %s1}' $PARAM_MESH > /dev/termination-log""",
        cases={"matrix": [{"name": "mesh", "values": [2, 3]}]},
    )
    sweep.wait_phase("COMPLETED")
    text = namespace.run("get", "cm", "sweep-results-0", "-o", r"jsonpath={.data.results\.jsonl}")
    (recipe,) = re.findall(r"^python3 -c '\n(.*?)\n' < wing.jsonl > wing.csv", README, flags=re.S | re.M)
    done = subprocess.run(["python3", "-c", recipe], input=text, capture_output=True, text=True, check=True)
    assert sorted(csv.reader(done.stdout.splitlines())) == [
        ["0", "0", "Succeeded", "2", "21"],
        ["1", "1", "Succeeded", "3", "31"],
        ["index", "name", "outcome", "mesh", "drag"],
    ]


def test_compute_time_is_what_the_containers_ran(namespace: Namespace) -> None:
    sweep = namespace.sweep("sleep 3", cases={"count": 2}, resources={"cpu": "100m"})
    times = sweep.wait_phase("COMPLETED")["computeTime"]["succeeded"]
    namespace.settle()
    ends = {seen.name: seen.object for seen in namespace.pods.history if seen.phase == "Succeeded"}
    states = [pod["status"]["containerStatuses"][0]["state"]["terminated"] for pod in ends.values()]
    ran = sum(seconds(state["finishedAt"]) - seconds(state["startedAt"]) for state in states)
    assert (len(states), times["wallSeconds"]) == (2, ran)
    assert 6 <= ran <= 10
    assert times["cpuSeconds"] == round(ran / 10)


def seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())
