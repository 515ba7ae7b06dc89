"""The bill of materials (SBOM) of the image: Debian's packages from its dpkg database, Python's from uv.lock.

debsbom reads the one and uv the other. What uv says is compared with what is in the image.
"""

import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from cluster.errors import ClusterError
from cluster.host import toolchain

STATUS = "var/lib/dpkg/status"
DISTRIBUTION = re.compile(r"opt/simjob/lib/python[^/]+/site-packages/([^/]+)-([^/-]+)\.dist-info/METADATA")


def write(root: Path, archive: Path, version: str) -> list[Path]:
    """Write both bills beside the archive; return their paths."""
    files = contents(archive)
    debian = archive.with_name(f"{archive.stem}.debian.cdx.json")
    python = archive.with_name(f"{archive.stem}.python.cdx.json")
    _debian(files[STATUS], debian, version)
    python.write_text(json.dumps(of_image(_python(root), distributions(files)), indent=2) + "\n")
    return [debian, python]


def contents(archive: Path) -> dict[str, bytes]:
    """Return dpkg's status, and the name of each Python distribution's metadata, from an OCI archive's layers."""
    found: dict[str, bytes] = {}
    with tarfile.open(archive) as outer:
        for layer in _layers(outer):
            with tarfile.open(fileobj=layer) as inner:
                for member in inner:
                    name = member.name.removeprefix("./")
                    if name == STATUS or DISTRIBUTION.fullmatch(name):
                        file = inner.extractfile(member)
                        found[name] = file.read() if file else b""
    if STATUS not in found:
        raise ClusterError(f"{archive} has no {STATUS}: it is not the operator's image")
    return found


def distributions(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the version of each Python distribution of the image by its normalized name."""
    found = [DISTRIBUTION.fullmatch(name) for name in files]
    return {normalized(match[1]): match[2] for match in found if match}


def of_image(bill: dict[str, Any], installed: Mapping[str, str]) -> dict[str, Any]:
    """Return the bill without what the image does not have (other platforms' packages).

    Raises ClusterError if the image has a distribution that the bill lacks, or has in another version.
    """
    listed = {(normalized(item["name"]), item["version"]): item for item in bill["components"]}
    unknown = sorted(f"{name} {version}" for name, version in installed.items() if (name, version) not in listed)
    if unknown:
        raise ClusterError(f"the image has what uv.lock does not: {', '.join(unknown)}")
    kept = [item for key, item in listed.items() if key in installed.items()]
    refs = {item["bom-ref"] for item in kept} | {bill["metadata"]["component"]["bom-ref"]}
    dependencies = [
        {**item, "dependsOn": [ref for ref in item.get("dependsOn", []) if ref in refs]}
        for item in bill.get("dependencies", [])
        if item["ref"] in refs
    ]
    return {**bill, "components": kept, "dependencies": dependencies}


def normalized(name: str) -> str:
    """Return a distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _layers(archive: tarfile.TarFile) -> Iterator[IO[bytes]]:
    def blob(digest: str) -> IO[bytes]:
        file = archive.extractfile(f"blobs/{digest.replace(':', '/')}")
        return cast("IO[bytes]", file)

    try:
        index = json.load(cast("IO[bytes]", archive.extractfile("index.json")))
        manifest = json.load(blob(index["manifests"][0]["digest"]))
    except KeyError as error:
        raise ClusterError(f"{archive.name!r} is no archive of an OCI image: {error}") from error
    for layer in manifest["layers"]:
        yield blob(layer["digest"])


def _debian(status: bytes, out: Path, version: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / STATUS
        path.parent.mkdir(parents=True)
        path.write_bytes(status)
        # debsbom would ask the dpkg of this machine, which may have none, or be another one.
        architecture = re.search(rb"^Architecture: (?!all$)(\S+)$", status, re.MULTILINE)
        if architecture is None:
            raise ClusterError(f"{STATUS} of the image names no architecture")
        options = [
            "--distro-arch",
            architecture[1].decode(),
            "--root",
            folder,
            "--sbom-type",
            "cdx",
            "--distro-version",
            version,
            "--out",
            "-",
        ]
        made = _run(toolchain.in_environment("debsbom"), "generate", "--distro-name", "simjob-operator", *options)
    out.write_text(made)


def _python(root: Path) -> dict[str, Any]:
    options = ["--frozen", "--no-dev", "--format", "cyclonedx1.5", "--preview-features", "sbom-export", "--quiet"]
    found: dict[str, Any] = json.loads(_run(toolchain.in_environment("uv"), "export", "--project", str(root), *options))
    return found


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"{' '.join(command[:4])} fails: {done.stderr.strip()[-1000:]}")
    return done.stdout
