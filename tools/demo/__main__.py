"""The command line: `python -m demo`; `make demo` runs it."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cluster import deploy, options, provider
from cluster.errors import ClusterError
from cluster.images import imagebuild
from cluster.options import Nodes, Options, Provider
from cluster.provider import Cluster
from cluster.report import Report, tell

from demo import cancelling, completing, processes, sweep
from demo.sweep import ROOT, Sweep

DESCRIPTION = """\
Show the operator at work on a real Kubernetes cluster, which is created for it and removed
afterwards. A sweep of RC filters in ngspice is cancelled when a third of it is done. Then a
smaller one completes, and its results are compared with the formula.

As root, cases are real containers on a real node. Without root, nodes are fake (KWOK) and
the operator runs from source: the cancel is the same, but nothing is computed.
"""
EPILOG = """\
Set KEEP=1 in the environment to keep the cluster and print how to inspect it.
The exit code is 0 only if every check passed."""

KEPT = """
The cluster is still up. Look at it:
  export KUBECONFIG={kubeconfig}
  kubectl get simjobs,jobs,pods
  kubectl describe simjob rc-filter
and end it:
  make cluster-down STATE={state}"""


def main() -> int:
    """Run the demo; return its exit code."""
    # Both signals remove the cluster, like Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        asked = _parse()
        with _cluster(asked) as (cluster, report):
            _show(cluster, report)
            report.step("every check passed")
    except ClusterError as error:
        print(file=sys.stderr)
        tell(error)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parse() -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    given = options.from_environment(os.environ)
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        default=Path(".cluster-demo"),
        help="the cluster's folder (now: %(default)s)",
    )
    parser.add_argument("--nodes", metavar="NODES", default=given.nodes, help="real or kwok (now: %(default)s)")
    parsed = parser.parse_args()
    return replace(given, state=parsed.state, nodes=options.parse_nodes(parsed.nodes))


@contextmanager
def _cluster(asked: Options) -> Iterator[tuple[Cluster, Report]]:
    """Bring a cluster up, and remove it whatever happens, unless KEEP says otherwise."""
    report = Report()
    cluster = provider.up(asked, report)
    try:
        yield cluster, report
    finally:
        # A second Ctrl-C must not leave half of it behind.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        if os.environ.get("KEEP"):
            print(KEPT.format(kubeconfig=cluster.kubeconfig, state=asked.state), flush=True)
        else:
            report.step("remove the cluster")
            cluster.down()
        signal.signal(signal.SIGINT, before)


def _show(cluster: Cluster, report: Report) -> None:
    # Of the cluster, not of the request: a node of kind is always a real one.
    facts = cluster.state.facts()
    if Nodes(facts.nodes).has_real:
        archive = imagebuild.build(
            sweep.IMAGE_FOLDER, sweep.IMAGE_FOLDER / "Dockerfile", sweep.IMAGE, _tar("rc-filter")
        )
        report.step(f"load {sweep.IMAGE} into the node")
        cluster.load_image(archive)
        deploy.deploy(cluster, report)
        _show_sweeps(cluster, report, on_fake_nodes=False)
        if facts.provider == Provider.KIND:
            return  # Docker may run in a virtual machine, where the operator's memory cannot be read from here.
        pods = deploy.kubectl_of(cluster).read("get", "pods", "-n", deploy.NAMESPACE)["items"]
        _tell_memory(report, processes.of_pods(pod["metadata"]["uid"] for pod in pods))
        return
    report.step("no root, so: fake nodes, the operator from source, and no results of cases")
    deploy.kubectl_of(cluster).run("apply", "-k", str(ROOT / "crds"))
    with processes.operator_from_source(cluster.kubeconfig, cluster.state.logs / "operator.log") as pid:
        _show_sweeps(cluster, report, on_fake_nodes=True)
        _tell_memory(report, [pid])


def _show_sweeps(cluster: Cluster, report: Report, *, on_fake_nodes: bool) -> None:
    kubectl = deploy.kubectl_of(cluster)
    large = sweep.manifest(on_fake_nodes=on_fake_nodes)
    total = sweep.total(large)
    first = Sweep(kubectl, large["metadata"]["name"])
    report.step(f"kubectl apply -f {sweep.SAMPLE.relative_to(ROOT)}: {total} cases")
    first.apply(large)
    cancelled = cancelling.run(first, large["spec"]["parallelism"])
    print(f"\n{cancelling.report(cancelled)}\n", flush=True)
    _require(cancelling.complaints(cancelled, total))
    small = sweep.smaller(large, f"{first.name}-small")
    second = Sweep(kubectl, small["metadata"]["name"])
    report.step(f"a second sweep: {sweep.total(small)} cases, to their end")
    second.apply(small)
    completing.run(second)
    if on_fake_nodes:
        return
    found = completing.results(second.messages())
    print(f"\n{completing.table(found)}\n", flush=True)
    _require(completing.complaints(found, sweep.total(small)))


def _tell_memory(report: Report, pids: list[int]) -> None:
    if not pids:
        raise ClusterError("the operator's process is not on this machine")
    sizes = ", ".join(f"{processes.resident_mib(pid):.0f} MiB" for pid in sorted(pids))
    report.step(f"the operator's memory, each replica: {sizes}")


def _require(complaints: list[str]) -> None:
    if complaints:
        raise ClusterError("not as it should be: " + "; ".join(complaints))


def _tar(name: str) -> Path:
    return ROOT / "build" / f"{name}.tar"


if __name__ == "__main__":
    raise SystemExit(main())
