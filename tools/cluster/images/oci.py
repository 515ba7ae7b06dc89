"""Container images without a registry and without a builder: an OCI layout in a tar file."""

import hashlib
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster.errors import ClusterError

BUSYBOX = "simjob.local/busybox:test"
# What manifests/samples call busybox:1.37, in containerd's words: there is no registry to pull it from.
SAMPLES = "docker.io/library/busybox:1.37"

# Go's names for what Python's os.uname() calls otherwise.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_image(
    path: Path,
    reference: str,
    *,
    files: Mapping[str, bytes | Path],
    links: Mapping[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Write an image of one layer as a tar that `ctr images import` and `docker load` accept.

    `files` gives each path in the image its content, or the file to copy; all are executable by everybody. `links`
    gives symbolic links their targets. `config` is the image's `config` object, for example Entrypoint, Env, User.
    The same input makes the same bytes.
    """
    layer = _layer(files, links or {})
    image = {
        "architecture": ARCHITECTURES.get(os.uname().machine, os.uname().machine),
        "os": "linux",
        "config": dict(config or {}),
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    blobs = _Blobs()
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blobs.add("application/vnd.oci.image.config.v1+json", _json(image)),
        "layers": [blobs.add("application/vnd.oci.image.layer.v1.tar", layer)],
    }
    entry = blobs.add("application/vnd.oci.image.manifest.v1+json", _json(manifest))
    names = {"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference.rpartition(":")[2]}
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{**entry, "annotations": names}],
    }
    layout = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index)}
    with tarfile.open(path, "w") as archive:
        for name, content in {**layout, **blobs.files}.items():
            _add_file(archive, name, content)


def busybox_image(path: Path, reference: str = BUSYBOX) -> None:
    """Write an image with a shell, sleep, wget and the like, from the machine's statically linked busybox."""
    program = next((found for found in map(Path, ("/bin/busybox", "/usr/bin/busybox")) if found.exists()), None)
    if program is None or _is_dynamic(program.read_bytes()):
        raise ClusterError("a statically linked busybox is missing", "install Debian's package busybox-static")
    listing = subprocess.run([program, "--list"], check=True, capture_output=True, text=True).stdout
    applets = [name for name in listing.split() if name != "busybox"]
    accounts = b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
    write_image(
        path,
        reference,
        files={"bin/busybox": program, "etc/passwd": accounts},
        links={f"bin/{name}": "busybox" for name in applets},
        config={"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]},
    )


def pause_image(path: Path, reference: str, program: Path) -> None:
    """Write the image of the container that holds a pod's namespaces."""
    config = {"Entrypoint": ["/pause"], "User": "65535:65535"}
    write_image(path, reference, files={"pause": program}, config=config)


@dataclass(slots=True)
class _Blobs:
    """Content by digest, as an OCI layout keeps it."""

    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, media_type: str, content: bytes) -> dict[str, Any]:
        """Keep the content; return its descriptor."""
        digest = _digest(content)
        self.files[f"blobs/{digest.replace(':', '/')}"] = content
        return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _layer(files: Mapping[str, bytes | Path], links: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in _folders([*files, *links]):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            archive.addfile(info)
        for name, content in sorted(files.items()):
            _add_file(archive, name, content.read_bytes() if isinstance(content, Path) else content, mode=0o755)
        for name, target in sorted(links.items()):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return buffer.getvalue()


def _folders(names: list[str]) -> list[str]:
    """List every folder above the names, and one for scratch files, parents first."""
    found = {str(parent) for name in names for parent in Path(name).parents}
    return sorted((found | {"tmp"}) - {"."})


def _add_file(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    archive.addfile(info, io.BytesIO(content))


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=2, sort_keys=True).encode()


def _is_dynamic(program: bytes) -> bool:
    """Say whether a 64-bit little-endian ELF program names an interpreter (a program header of type 3)."""
    table, size, count = (int.from_bytes(program[at : at + n], "little") for at, n in ((32, 8), (54, 2), (56, 2)))
    headers = [program[table + size * index :][:4] for index in range(count)]
    return (3).to_bytes(4, "little") in headers
