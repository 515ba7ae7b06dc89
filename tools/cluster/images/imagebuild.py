"""Container images without a registry: builds a Dockerfile with whichever builder is there, into a tar.

A registry is used where one answers; elsewhere the one base image that our Dockerfiles name is made from Debian's
packages. Everything is kept under the user's cache folder, apart from the builder's usual storage.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError
from cluster.host import cache

OPERATOR_TAG = "simjob.local/operator:dev"
BASE = "docker.io/library/debian:trixie-slim"
# What the real image leaves out, so that both have about the same files.
SLIM = [f"path-exclude=/usr/share/{folder}/*" for folder in ("doc", "info", "locale", "man")]
MIRRORS = [
    "deb http://deb.debian.org/debian trixie main",
    "deb http://deb.debian.org/debian trixie-updates main",
    "deb http://deb.debian.org/debian-security trixie-security main",
]
PACKAGES = ("buildah", "mmdebstrap", "debian-archive-keyring")
# The variables by which a user says that his network has a certificate authority of its own.
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
REGISTRY = "https://registry-1.docker.io/v2/"


@dataclass(frozen=True, slots=True)
class Builder:
    """One of docker, buildah and podman, as command lines. The last two get a storage of our own."""

    program: str
    storage: Path

    def command(self, *words: str | Path) -> list[str]:
        """A command of the builder on our storage."""
        own = [] if self.program == "docker" else ["--root", self.storage / "root", "--runroot", self.storage / "run"]
        return [self.program, *map(str, own), *map(str, words)]

    def build(self, context: Path, dockerfile: Path, tag: str, *, authorities: Path | None, pull: bool) -> list[str]:
        """Build a Dockerfile. `authorities`: a folder that Debian's ca-certificates takes certificates from."""
        words: list[str | Path] = ["build", "--tag", tag, "--file", dockerfile]
        if self.program != "docker":
            # chroot: needs no systemd and no cgroup of its own, so real root is enough.
            words += ["--isolation", "chroot", "--layers", f"--pull={'missing' if pull else 'never'}"]
            if self.program == "buildah" and pull:
                words[-1] = "--pull=false"  # buildah's word for "missing"
            if authorities is not None:
                words += ["--volume", f"{authorities}:/usr/local/share/ca-certificates:ro"]
        return self.command(*words, context)

    def save(self, tag: str, out: Path) -> list[str]:
        """Write an image with its name into a tar that containerd imports."""
        if self.program == "docker":
            return self.command("save", "--output", out, tag)
        return self.command("push", tag, f"oci-archive:{out}:{tag}")


def build(context: Path, dockerfile: Path, tag: str, out_tar: Path, *, force: bool = False) -> Path:
    """Build an image into `out_tar` and return that; does nothing if no input changed since, unless `force`."""
    context, dockerfile, out_tar = context.resolve(), dockerfile.resolve(), out_tar.absolute()
    stamp = out_tar.with_name(f"{out_tar.name}.inputs")
    digest = inputs_digest(context, dockerfile, tag)
    if not force and out_tar.exists() and stamp.exists() and stamp.read_text() == digest:
        print(f"  {tag}: nothing changed since it was built ({_megabytes(out_tar)})")
        return out_tar
    out_tar.parent.mkdir(parents=True, exist_ok=True)
    with cache.locked("images"):
        storage = cache.folder() / "images"
        storage.mkdir(exist_ok=True)
        builder = Builder(_find_program(), storage)
        if builder.program != "docker":
            _succeeds(builder.command("rm", "--all"))  # what an interrupted build left
        pull = builder.program == "docker" or _registry_answers()
        if not pull:
            _make_base(builder)
        with authorities(storage, os.environ) as folder:
            _run(f"build {tag}", builder.build(context, dockerfile, tag, authorities=folder, pull=pull))
        scratch = out_tar.with_name(f".{out_tar.name}.new")
        scratch.unlink(missing_ok=True)
        _run(f"save {tag}", builder.save(tag, scratch))
    stamp.unlink(missing_ok=True)
    scratch.replace(out_tar)
    stamp.write_text(digest)
    print(f"  {tag}: {out_tar} ({_megabytes(out_tar)})")
    return out_tar


def inputs_digest(context: Path, dockerfile: Path, tag: str) -> str:
    """Hash what the image is made of: its name, the Dockerfile, and the files that it copies from the context."""
    digest = hashlib.sha256(f"{tag}\n{dockerfile.read_text()}".encode())
    for file in copied_files(context, dockerfile.read_text()):
        digest.update(f"{file.relative_to(context)} {file.stat().st_mode}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def copied_files(context: Path, dockerfile: str) -> list[Path]:
    """List the files of the context that COPY and ADD name, without those of other stages and Python's bytecode."""
    files: set[Path] = set()
    for line in dockerfile.replace("\\\n", " ").splitlines():
        match = re.match(r"\s*(?:COPY|ADD)\s+(.*)", line, re.IGNORECASE)
        words = match[1].split() if match else []
        if not words or any(word.startswith("--from=") for word in words):
            continue
        for source in [word for word in words if not word.startswith("--")][:-1]:
            for found in context.glob(source.strip("/") or "*"):
                files.update(found.rglob("*") if found.is_dir() else [found])
    return sorted(file for file in files if file.is_file() and "__pycache__" not in file.parts)


def _find_program() -> str:
    """Choose the builder; on Debian and Ubuntu, as root, installs buildah where there is none."""
    if shutil.which("docker") and _succeeds(["docker", "info"]):
        return "docker"
    for program in ("buildah", "podman"):
        if shutil.which(program):
            return program
    _install()
    return "buildah"


def _install() -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        hint = f"install one of them; on Debian and Ubuntu: apt-get install {' '.join(PACKAGES)}"
        raise ClusterError("an image can be built with docker, buildah or podman, and none of them is here", hint)
    command = ["apt-get", "install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
    _run("install buildah and mmdebstrap (apt-get)", ["apt-get", "update"], [*command, *PACKAGES])


def _make_base(builder: Builder) -> None:
    """Make the base image from Debian's packages, as the real one is made, and give it the real one's name."""
    folder = builder.storage / "base"
    tar = folder / "rootfs.tar"
    if not tar.exists():
        if not shutil.which("mmdebstrap"):
            _install()
        folder.mkdir(exist_ok=True)
        scratch = folder / "new.tar"
        options = [f"--dpkgopt={option}" for option in (*SLIM, "path-include=/usr/share/doc/*/copyright")]
        command = ["mmdebstrap", "--variant=minbase", *options, "trixie", str(scratch), *MIRRORS]
        _run(f"make {BASE} (no registry answers)", command)
        scratch.replace(tar)
        (folder / "Dockerfile").write_text('FROM scratch\nADD rootfs.tar /\nCMD ["bash"]\n')
    elif _succeeds(builder.command("inspect", "--type", "image", BASE)):
        return
    _run(f"import {BASE}", builder.build(folder, folder / "Dockerfile", BASE, authorities=None, pull=False))


@contextmanager
def authorities(storage: Path, environ: Mapping[str, str]) -> Iterator[Path | None]:
    """Give a folder with the certificates that the environment says are to be trusted; None if it says nothing.

    Mounted where Debian's ca-certificates looks for local ones: it adds them to what programs in the image trust,
    in the stage that installs it, and the finished image has none of them.
    """
    bundle = next((Path(environ[name]) for name in CA_VARIABLES if environ.get(name)), None)
    if bundle is None or not bundle.is_file():
        yield None
        return
    folder = storage / "authorities"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(bundle, folder / "environment.crt")
    yield folder


def _registry_answers() -> bool:
    try:
        urllib.request.urlopen(REGISTRY, timeout=5).close()
    except urllib.error.HTTPError as error:
        return error.code == 401  # what a registry says to a stranger before it gives him a token
    except OSError:
        return False
    return True


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=15).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _run(title: str, *commands: Sequence[str]) -> None:
    """Run commands as one step: a line that shows the last output while it runs, and its time at the end."""
    started, output = time.monotonic(), list[str]()
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in commands:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environ
        ) as process:
            for line in process.stdout or ():
                output.append(line.rstrip())
                if sys.stdout.isatty():
                    shown = f"  {time.monotonic() - started:5.1f} s  {title}: {output[-1]}"
                    print(f"\r\033[K{shown[: shutil.get_terminal_size().columns - 1]}", end="", flush=True)
        if process.returncode != 0:
            tail = "\n".join(output[-25:])
            raise ClusterError(f"{title}: {command[0]} exited with {process.returncode}\n{tail}")
    erase = "\r\033[K" if sys.stdout.isatty() else ""
    print(f"{erase}  {time.monotonic() - started:5.1f} s  {title}", flush=True)


def _megabytes(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.0f} MB"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `image` to the commands of `python -m cluster`."""
    parser = subparsers.add_parser(
        "image",
        help="build a container image into a tar, without Docker or a registry if need be",
        description="Build a Dockerfile with docker, buildah or podman into a tar that a node can import. "
        "Does nothing if no input changed since the last time.",
    )
    parser.add_argument("--context", type=Path, default=Path(), help="the folder that is built from (.)")
    parser.add_argument("--file", type=Path, help="the Dockerfile (CONTEXT/Dockerfile)")
    parser.add_argument("--tag", default=OPERATOR_TAG, help=f"the image's name ({OPERATOR_TAG})")
    parser.add_argument("--out", type=Path, default=Path("build/operator.tar"), help="the tar (build/operator.tar)")
    parser.add_argument("--force", action="store_true", help="build even if nothing changed")
    parser.set_defaults(run=_main)


def _main(args: argparse.Namespace) -> None:
    build(args.context, args.file or args.context / "Dockerfile", args.tag, args.out, force=args.force)
