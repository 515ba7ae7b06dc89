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
from e2e.support.sweep import manifest

pytestmark = pytest.mark.e2e

PAGE = (Path(__file__).parents[3] / "docs/results.md").read_text()
SAY = r"""case $SIMJOB_CASE_INDEX in
0) printf '{"drag": 0.31,\n "ok": true}' ;;
1) echo converged ;;
2) head -c 5120 /dev/zero | tr '\0' x ;;
3) printf 'a\001b\033[31m\000c\377\303(' ;;
4) ;;
5) echo '{"drag": NaN, "lift": -Infinity, "steps": 1e999}'; exit_code=3 ;;
6) printf '5%.0s' $(seq 5000) ;;
7) printf 'ü%.0s' $(seq 3000); echo ;;
8) head -c 4095 /dev/zero | tr '\0' x ;;
esac > /dev/termination-log
exit ${exit_code:-0}
"""


def rows(namespace: Namespace) -> dict[int, Any]:
    text = namespace.run("get", "cm", "sweep-results-0", "-o", r"jsonpath={.data.results\.jsonl}")
    return {row["index"]: row for row in map(json.loads, text.strip().split("\n"))}


def test_any_message_of_a_simulation_is_kept(namespace: Namespace) -> None:
    sweep = namespace.sweep(SAY, cases={"count": 9})
    status = sweep.wait_phase("FAILED")
    assert status["results"] == {"configMaps": ["sweep-results-0"], "rows": 8, "missing": 1, "truncated": 3}
    found = rows(namespace)
    assert list(found) == [0, 1, 2, 3, 5, 6, 7, 8], "in the order of the cases"
    assert [index for index, row in found.items() if row.get("truncated")] == [2, 6, 7]
    assert found[0]["result"] == {"drag": 0.31, "ok": True}
    assert found[1]["result"] == "converged\n"
    assert found[2]["result"] == "x" * 4096, "the kubelet keeps 4096 bytes"
    assert found[3]["result"].startswith("a\x01b\x1b[31m\x00c"), "control characters are escaped"
    assert (found[5]["outcome"], found[5]["exitCode"]) == ("Failed", 3)
    assert repr(found[5]["result"]) == "{'drag': nan, 'lift': -inf, 'steps': inf}"
    assert found[6]["result"] == "5" * 4096, "a number that lost its first digits is none"
    assert found[7]["result"] == "\ufffd" + "ü" * 2047 + "\n", "the kubelet cuts bytes, here within a character"
    assert found[8]["result"] == "x" * 4095


def test_four_containers_share_the_kubelets_message_limit(namespace: Namespace) -> None:
    body = manifest("sweep", "head -c 3500 /dev/zero | tr '\\0' x > /dev/termination-log", 5, {})
    containers = body["spec"]["template"]["spec"]["containers"]
    containers += [{**containers[0], "name": f"other-{number}", "command": ["true"], "args": []} for number in range(3)]
    assert namespace.apply(body).wait_phase("COMPLETED")["results"]["truncated"] == 1
    (row,) = rows(namespace).values()
    assert (row["result"], row["truncated"]) == ("x" * 3072, True)


def test_a_truncated_log_end_is_marked(namespace: Namespace) -> None:
    body = manifest("sweep", "yes a | head -n 1000; exit 3", 5, {})
    body["spec"]["template"]["spec"]["containers"][0]["terminationMessagePolicy"] = "FallbackToLogsOnError"
    assert namespace.apply(body).wait_phase("FAILED")["results"]["truncated"] == 1
    (row,) = rows(namespace).values()
    assert (row["result"], row["truncated"]) == ("a\n" * 80, True)


def test_the_recipe_of_the_page_merges_all_shards(namespace: Namespace, tmp_path: Path) -> None:
    sweep = namespace.sweep(
        """printf '{"drag": %s1}' $PARAM_MESH > /dev/termination-log""",
        cases={"matrix": [{"name": "mesh", "values": [2, 3]}]},
    )
    sweep.wait_phase("COMPLETED")
    text = namespace.run("get", "cm", "sweep-results-0", "-o", r"jsonpath={.data.results\.jsonl}")
    (recipe,) = re.findall(r"^python3 -c '\n(.*?)\n' < wing.jsonl > wing.csv", PAGE, flags=re.S | re.M)
    done = subprocess.run(["python3", "-c", recipe], input=text, capture_output=True, text=True, check=True)
    assert sorted(csv.reader(done.stdout.splitlines())) == [
        ["0", "0", "Succeeded", "2", "21"],
        ["1", "1", "Succeeded", "3", "31"],
        ["index", "name", "outcome", "parameters.mesh", "result.drag"],
    ]


def test_compute_time_is_the_run_time_of_the_containers(namespace: Namespace) -> None:
    sweep = namespace.sweep("sleep 3", cases={"count": 2}, resources={"cpu": "100m"})
    times = sweep.wait_phase("COMPLETED")["computeTime"]["succeeded"]
    namespace.settle()
    ends = {seen.name: seen.object for seen in namespace.pods.history if seen.phase == "Succeeded"}
    states = [pod["status"]["containerStatuses"][0]["state"]["terminated"] for pod in ends.values()]
    ran = sum(seconds(state["finishedAt"]) - seconds(state["startedAt"]) for state in states)
    assert (len(states), times["wallSeconds"]) == (2, ran)
    assert ran >= 6
    assert times["cpuSeconds"] == round(ran / 10)


def seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())
