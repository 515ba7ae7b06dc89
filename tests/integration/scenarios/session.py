"""A user at a terminal, who types commands and reads their output. A transcript records everything."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml
from integration.support.client import Object
from integration.support.sweeps import eventually

ROOT: Final = Path(__file__).parents[3]
SAMPLES: Final = ROOT / "manifests/samples"
TRANSCRIPTS: Final = ROOT / "build/transcripts"
_TIMEOUT: Final = 120


class Session:
    """A shell in a folder of its own, its kubectl set to one namespace. `lines` is the transcript so far."""

    def __init__(self, folder: Path, kubeconfig: Path, namespace: str) -> None:
        self.namespace = namespace
        self.lines: list[str] = []
        self._folder = folder
        own = folder / "kubeconfig"
        own.write_text(kubeconfig.read_text())
        self._environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "KUBECONFIG": str(own)}
        self._shell(f"kubectl config set-context --current --namespace={namespace}")

    def say(self, text: str) -> None:
        """Write a comment into the transcript."""
        self._keep(f"\n# {text}")

    def run(self, command: str) -> str:
        """Run a command that must succeed; return what it prints."""
        code, output = self._typed(command)
        assert code == 0, f"{command}: {output}"
        return output.strip()

    def refused(self, command: str) -> str:
        """Run a command that must fail; return what it says."""
        code, output = self._typed(command)
        assert code != 0, f"{command} was to be refused: {output}"
        return output.strip()

    def show(self, job: str, *paths: str) -> str:
        """Print parts of a SimulationJob, by JSONPaths without braces such as `.status.phase`."""
        wanted = " ".join(f"{{{path}}}" for path in paths)
        return self.run(f"kubectl get simjob {job} -o jsonpath='{wanted}'")

    def wait(self, job: str, what: str, seconds: int = 60) -> None:
        """Wait for a condition, or for a value in the object: `.status.phase=RUNNING`."""
        path, _, value = what.partition("=")
        wanted = f"jsonpath='{{{path}}}'={value}" if what.startswith(".") else f"condition={what}"
        self.run(f"kubectl wait simjob/{job} --for={wanted} --timeout={seconds}s")

    def wait_running(self, job: str) -> int:
        """Wait until all cases run; return how many there are."""
        self.wait(job, ".status.phase=RUNNING")
        total = int(self.show(job, ".status.cases.total"))
        self.wait(job, f".status.cases.running={total}")
        return total

    def patch(self, job: str, **spec: Any) -> str:
        """Patch the spec."""
        return self.run(_patch(job, spec))

    def refused_patch(self, job: str, **spec: Any) -> str:
        """Patch the spec, which must be refused."""
        return self.refused(_patch(job, spec))

    def read(self, *what: str) -> Object:
        """Read objects as JSON; not in the transcript."""
        code, output = self._shell(f"kubectl get {' '.join(what)} -o json")
        assert code == 0, output
        found: Object = json.loads(output)
        return found

    def status(self, job: str) -> Object:
        """Read a SimulationJob's status; not in the transcript."""
        found: Object = self.read("simjob", job).get("status", {})
        return found

    def write(self, sample: str, *, name: str = "", fake: dict[str, str] | None = None, **spec: Any) -> str:
        """Write a sample into the folder, under another name or with other fields; return the file's name.

        `fake` says how fake nodes play its pods (tools/cluster/kwok/stages.yaml); a real node ignores it.
        """
        manifest = yaml.safe_load((SAMPLES / f"{sample}.yaml").read_text())
        manifest["metadata"]["name"] = name or sample
        manifest["spec"] = {key: value for key, value in {**manifest["spec"], **spec}.items() if value is not None}
        notes = {f"kwok.simjob.dev/{key}": value for key, value in (fake or {}).items()}
        manifest["spec"]["template"].setdefault("metadata", {}).setdefault("annotations", {}).update(notes)
        file = f"{manifest['metadata']['name']}.yaml"
        (self._folder / file).write_text(yaml.safe_dump(manifest, sort_keys=False))
        return file

    def apply(self, sample: str, *, name: str = "", fake: dict[str, str] | None = None, **spec: Any) -> str:
        """Write a sample, apply it and return the SimulationJob's name."""
        file = self.write(sample, name=name, fake=fake, **spec)
        self.run(f"kubectl apply -f {file}")
        return file.removesuffix(".yaml")

    def end_running(self, job: str) -> None:
        """Let the simulations that run now end; not in the transcript."""
        self._play(job, "run-seconds")

    def let_start(self, job: str) -> None:
        """Let the containers of the pods that are there start; not in the transcript."""
        self._play(job, "start-seconds")

    def let_stop(self, job: str) -> None:
        """Let the pods that are there stop as soon as they are asked to; not in the transcript."""
        self._play(job, "termination-seconds")

    def bystander(self) -> None:
        """Apply a suspended SimulationJob, so that a watch of all has something to print from the beginning."""
        self.wait(self.apply("minimal", name="bystander", suspend=True), "Suspended")

    @contextmanager
    def watching(self, command: str, until: str) -> Iterator[list[str]]:
        """Run a watch in the background of the block; its lines end up in the transcript.

        The block starts with the first line of the watch, and ends with a line that begins with `until`.
        """
        self._keep(f"$ {command} &")
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        found: list[str] = []
        reader = threading.Thread(target=_read, args=(process, found), daemon=True)
        reader.start()
        try:
            eventually(lambda: bool(found), lambda: f"{command} prints nothing")
            yield found
            eventually(lambda: any(line.startswith(until) for line in found), lambda: f"no {until} in {found}")
        finally:
            process.terminate()
            process.wait(_TIMEOUT)
            reader.join(_TIMEOUT)
            if process.stdout:
                process.stdout.close()
        self._keep("$ kill %1   # the watch has printed:")
        self._keep("\n".join(found))

    def save(self, name: str) -> Path:
        """Write the transcript to a file."""
        TRANSCRIPTS.mkdir(parents=True, exist_ok=True)
        file = TRANSCRIPTS / f"{name}.txt"
        file.write_text("\n".join(self.lines).lstrip("\n") + "\n")
        return file

    def _play(self, job: str, what: str) -> None:
        selector = f"-l simjob.dev/name={job}"
        code, output = self._shell(f"kubectl annotate pods {selector} --overwrite kwok.simjob.dev/{what}=0")
        assert code == 0, output

    def _typed(self, command: str) -> tuple[int, str]:
        code, output = self._shell(command)
        self._keep(f"$ {command}")
        if output.strip():
            self._keep(output.rstrip("\n"))
        return code, output

    def _keep(self, text: str) -> None:
        print(text, flush=True)
        self.lines.append(text)

    def _shell(self, command: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        return done.returncode, done.stdout


def _patch(job: str, spec: Object) -> str:
    return f"kubectl patch simjob {job} --type=merge -p '{json.dumps({'spec': spec})}'"


def _read(process: "subprocess.Popen[str]", lines: list[str]) -> None:
    lines.extend(line.rstrip("\n") for line in process.stdout or ())
