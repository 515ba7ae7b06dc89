"""The figures and the installation of README.md and docs/operations.md are those of the benchmarks and manifests."""

import re
import subprocess
from pathlib import Path

import yaml
from cluster.host import toolchain
from release import version

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
MEASURED = (ROOT / "docs/benchmarks.md").read_text()
CASES = "Live: 1,000 cases; pods run until deleted, stop at once; controller manager at QPS 20"


def section(page: str, heading: str) -> list[str]:
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0].splitlines()


def medians(row: str) -> set[str]:
    """Read the medians of the operator and the Indexed Job from a row of the benchmark."""
    (line,) = (line for line in section(MEASURED, CASES) if line.startswith(f"| {row} [s] |"))
    simjob, _bare, indexed, *_ = (cell.split()[0] for cell in line.split(" | ")[1:])
    return {simjob, indexed}


def test_the_figures_match_the_benchmarks() -> None:
    figures = set(re.findall(r"\d+\.\d+(?= s\b)", README))
    assert figures == medians("asked → all pods running") | medians("cancel asked → the system says so")


def test_the_readme_states_how_many_goals_are_met() -> None:
    goals = [line for line in section(MEASURED, "Goals") if line.endswith((" met |", " NOT MET |"))]
    met = [line for line in goals if line.endswith("| met |")]
    assert f"{len(met)} of {len(goals)} goals are met" in README


def test_the_page_on_operations_states_the_memory_that_was_measured() -> None:
    (goal,) = (line for line in section(MEASURED, "Goals") if line.startswith("| memory at 10,000 cases, 500 live |"))
    found = goal.split(" | ")[2]
    assert f"a peak of {found} at 10,000 cases of which 500 were live" in (ROOT / "docs/operations.md").read_text()


def test_the_second_installation_command_sets_the_image() -> None:
    (command,) = re.findall(r"^(kubectl kustomize manifests \| sed .*) \| kubectl apply -f -$", README, re.MULTILINE)
    kubectl = command.replace("kubectl", str(toolchain.kubectl()), 1)
    done = subprocess.run(["bash", "-c", kubectl], cwd=ROOT, capture_output=True, text=True, check=True)
    (deployment,) = (one for one in yaml.load_all(done.stdout, yaml.CSafeLoader) if one["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"REGISTRY/simjob-operator:{version.current(ROOT)}"


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 160
