"""Images as tar files."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cluster.images import oci


@pytest.fixture
def image(tmp_path: Path) -> Path:
    program = tmp_path / "program"
    program.write_bytes(b"machine code")
    oci.write_image(
        tmp_path / "image.tar",
        "simjob.local/thing:1",
        files={"usr/bin/thing": program, "etc/motd": b"hello"},
        links={"bin/other": "../usr/bin/thing"},
        config={"Entrypoint": ["/usr/bin/thing"], "User": "1000"},
    )
    return tmp_path / "image.tar"


def content(image: Path) -> dict[str, bytes]:
    with tarfile.open(image) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def blob(files: dict[str, bytes], descriptor: dict[str, Any]) -> bytes:
    found = files["blobs/" + descriptor["digest"].replace(":", "/")]
    assert len(found) == descriptor["size"]
    return found


def test_every_blob_is_named_by_its_content(image: Path) -> None:
    for name, data in content(image).items():
        if name.startswith("blobs/"):
            assert name == f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"


def test_the_index_leads_to_config_and_layer(image: Path) -> None:
    files = content(image)
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["annotations"] == {
        "io.containerd.image.name": "simjob.local/thing:1",
        "org.opencontainers.image.ref.name": "1",
    }
    manifest = json.loads(blob(files, entry))
    config = json.loads(blob(files, manifest["config"]))
    layer = blob(files, manifest["layers"][0])
    assert config["config"] == {"Entrypoint": ["/usr/bin/thing"], "User": "1000"}
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]


def test_the_layer_holds_files_links_and_their_folders(image: Path) -> None:
    files = content(image)
    manifest = json.loads(blob(files, json.loads(files["index.json"])["manifests"][0]))
    with tarfile.open(fileobj=io.BytesIO(blob(files, manifest["layers"][0]))) as layer:
        members = {member.name: member for member in layer}
    assert list(members) == [
        "bin", "etc", "tmp", "usr", "usr/bin", "etc/motd", "usr/bin/thing", "bin/other",
    ]  # fmt: skip
    assert members["usr/bin/thing"].mode == 0o755
    assert members["tmp"].mode == 0o1777
    assert members["bin/other"].linkname == "../usr/bin/thing"


def test_the_same_input_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        oci.write_image(tmp_path / name, "x:1", files={"file": b"content"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
