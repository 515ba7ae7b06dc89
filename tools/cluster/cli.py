"""The command line: `python -m cluster`."""

import argparse
import os
import signal
from pathlib import Path

from cluster import deploy, options, provider, versions
from cluster.errors import ClusterError
from cluster.host import binaries
from cluster.images import imagebuild
from cluster.life.state import State
from cluster.options import Nodes, Options
from cluster.report import Report, tell

DESCRIPTION = """\
A real Kubernetes cluster for tests and demos, without containers and without a
registry: etcd, kube-apiserver, kube-controller-manager and kube-scheduler run as
child processes; pods run on a real node (containerd, kubelet, kube-proxy) or on
fake ones (KWOK). Kubernetes is downloaded or built from source once, the rest
is built; the cache keeps them."""

EPILOG = """\
typical use:
  python -m cluster up                       start the cluster, or restart what is dead
  export KUBECONFIG=$PWD/.cluster/kubeconfig
  kubectl get nodes
  python -m cluster down                     stop and remove everything

when something is wrong:
  python -m cluster status                   list processes, their state and their logs
  tail .cluster/logs/*.log
  python -m cluster up                       restart only what is dead; keeps the data
  python -m cluster down                     works in any state, even without the folder"""

UP = """\
Start the cluster and return when it accepts pods. Running processes are kept, dead ones
are restarted, and processes with other options are restarted with the new ones."""

UP_EPILOG = """\
nodes:
  real   one node with containerd, kubelet and kube-proxy in namespaces of its own. Needs
         root on Linux. The default for root. This machine's busybox is loaded as the images
         simjob.local/busybox:test and busybox:1.37.
  kwok   fake nodes that only report running pods: thousands of them, without root. Pods run
         until they are deleted, or as annotations say (see kwok/stages.yaml). The default otherwise.
  both   both; the fake ones carry the taint kwok.x-k8s.io/node=fake:NoSchedule.
  none   the API server without nodes.

Each option can be given as an environment variable of the same name in capitals (KCM_QPS=100).
--kubernetes takes a minor. Versions other than the default have fake nodes only.
KUBERNETES_SITE: where Kubernetes' programs are downloaded, with their checksums (default:
https://dl.k8s.io/release). With `none`, or if the site does not answer within three seconds, they
are built. Building everything takes about ten minutes on two cores; a start from the cache, seconds."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    try:
        _heed_interrupts()
        given = options.from_environment(os.environ)
        parsed = _parser(given).parse_args(arguments)
        return int(parsed.run(parsed) or 0)
    except ClusterError as error:
        tell(error)
        return 1
    except KeyboardInterrupt:
        return 130


def _heed_interrupts() -> None:
    # A CI system that cancels a run sends SIGTERM; `up` then cleans up as it does after Ctrl-C. A shell lets what it
    # starts in the background ignore SIGINT, and Python leaves that as it is.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})


def _parser(given: Options) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cluster",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_build(commands, given)
    _add_up(commands, given)
    down = commands.add_parser(
        "down", help="stop and remove everything", description="Remove the cluster. Safe to repeat."
    )
    _add_state(down, given)
    down.set_defaults(run=_down)
    status = commands.add_parser(
        "status", help="list processes", description="List the processes; the exit code is 1 if one is dead."
    )
    _add_state(status, given)
    status.set_defaults(run=_status)
    load = commands.add_parser(
        "load", help="import an image into the real node", description="Import an image archive into the real node."
    )
    _add_state(load, given)
    load.add_argument("archive", metavar="IMAGE.tar", type=Path, help="docker or OCI archive; the image keeps its name")
    load.set_defaults(run=_load)
    imagebuild.add_parser(commands)
    deploy.add_parser(commands, given.state)
    return parser


def _add_up(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", given: Options) -> None:
    up = commands.add_parser(
        "up",
        help="start the cluster, or restart what is dead",
        description=UP,
        epilog=UP_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_state(up, given)
    up.add_argument("--nodes", metavar="NODES", default=given.nodes, help="real, kwok, both or none (now: %(default)s)")
    up.add_argument(
        "--kwok-nodes", metavar="N", default=str(given.kwok_nodes), help="number of fake nodes (now: %(default)s)"
    )
    up.add_argument(
        "--kcm-qps",
        metavar="N",
        default=str(given.kcm_qps),
        help="requests per second of the controller manager, bursts of 1.5 times that (now: %(default)s; stock: 20)",
    )
    up.add_argument(
        "--cluster",
        metavar="PROVIDER",
        default=given.provider,
        help="source (default) or kind, which needs docker and kind; tests here use a stand-in for kind",
    )
    _add_kubernetes(up, given)
    up.set_defaults(run=_up)


def _add_build(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", given: Options) -> None:
    build = commands.add_parser(
        "build",
        help="download or build the programs that `up` needs, unless they are in the cache",
        description="Put the cluster's programs into the cache, as `up` does, and print progress.",
    )
    build.add_argument("nodes", metavar="NODES", nargs="?", default=Nodes.BOTH, help="real, kwok, both or none (both)")
    _add_kubernetes(build, given)
    build.set_defaults(run=_build)


def _build(parsed: argparse.Namespace) -> None:
    asked = Options(nodes=options.parse_nodes(parsed.nodes), kubernetes=versions.parse(parsed.kubernetes))
    binaries.provide(binaries.needed(asked.nodes), Report(), asked.kubernetes)


def _add_kubernetes(parser: argparse.ArgumentParser, given: Options) -> None:
    parser.add_argument(
        "--kubernetes",
        metavar="MINOR",
        default=given.kubernetes,
        help=f"{', '.join(versions.PATCHES)} (now: %(default)s)",
    )


def _add_state(parser: argparse.ArgumentParser, given: Options) -> None:
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        default=given.state,
        help="folder of the cluster; each folder is a separate cluster (now: %(default)s)",
    )


def _up(parsed: argparse.Namespace) -> None:
    asked = Options(
        state=parsed.state,
        nodes=options.parse_nodes(parsed.nodes),
        kwok_nodes=options.parse_count("KWOK_NODES", parsed.kwok_nodes),
        kcm_qps=options.parse_count("KCM_QPS", parsed.kcm_qps),
        provider=options.parse_provider(parsed.cluster),
        kubernetes=versions.parse(parsed.kubernetes),
    )
    provider.up(asked)


def _down(parsed: argparse.Namespace) -> None:
    provider.remove(State.at(parsed.state), Report())


def _status(parsed: argparse.Namespace) -> int:
    cluster = provider.Cluster.load(parsed.state)
    components = cluster.components()
    for name, pid in components.items():
        print(f"{name:<26}{f'running (pid {pid})' if pid else 'DEAD: python -m cluster up restarts it'}")
    print(f"{'Kubernetes':<26}{cluster.kubernetes}")
    print(f"{'kubeconfig':<26}{cluster.kubeconfig}")
    print(f"{'logs':<26}{cluster.state.logs}")
    return 0 if all(components.values()) else 1


def _load(parsed: argparse.Namespace) -> None:
    provider.Cluster.load(parsed.state).load_image(parsed.archive)
