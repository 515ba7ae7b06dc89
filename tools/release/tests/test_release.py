"""A release: versions in one step, one file that installs, a bill that says what the image has."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import release.__main__ as command
import yaml
from chart import files as chart
from cluster.errors import ClusterError
from release import bill, install, package, version

ROOT = Path(__file__).parents[3]
DAY = date(2026, 12, 24)
SITE = "opt/simjob/lib/python3.13/site-packages"


@pytest.mark.parametrize("text", ["", "v0.2.0", "0.2", "0.02.0", "0.2.0-rc1", "latest", "0.2.0\n"])
def test_a_malformed_version_is_refused(text: str) -> None:
    with pytest.raises(ClusterError, match=re.escape(f"MAJOR.MINOR.PATCH without a leading v or zeros: {text!r}")):
        version.check(text)


def test_a_release_without_a_version_says_how_to_give_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([""]) == 1
    assert "make release VERSION=0.2.0" in capsys.readouterr().err


@pytest.mark.parametrize("image", ["operator", "registry.example.com/operator:1", "Registry/operator", "a/b@sha256:0"])
def test_an_image_with_a_tag_or_without_a_registry_is_refused(image: str) -> None:
    with pytest.raises(ClusterError, match="IMAGE must be a registry and a name"):
        install.check(image)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what a release changes."""
    for name in ("pyproject.toml", "uv.lock", version.CHANGELOG, *version.PAGES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    changelog = tmp_path / version.CHANGELOG
    changelog.write_text(changelog.read_text().replace("## [Unreleased]\n", "## [Unreleased]\n\n* A change.\n", 1))
    return tmp_path


def test_one_step_sets_the_version_everywhere(project: Path) -> None:
    before = version.current(project)
    changed = version.bump(project, "97.98.99", DAY)
    assert set(changed) == {"pyproject.toml", "uv.lock", version.CHANGELOG, *version.PAGES}
    assert version.current(project) == "97.98.99"
    assert 'name = "simjob"\nversion = "97.98.99"' in (project / "uv.lock").read_text()
    for page in version.PAGES:
        text = (project / page).read_text()
        assert "97.98.99" in text
        assert not re.search(rf"(Version |[vV]ersion: |operator[:-]|[tT]ag: ){re.escape(before)}\b", text)
    assert "## [Unreleased]\n\n## [97.98.99] - 2026-12-24\n\n* A change.\n" in (project / "CHANGELOG.md").read_text()


def test_a_version_that_is_set_changes_nothing(project: Path) -> None:
    assert version.bump(project, version.current(project), DAY) == []


def test_a_lower_version_is_refused_and_nothing_is_written(project: Path) -> None:
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    with pytest.raises(ClusterError, match=r"VERSION=0\.0\.1 is lower than"):
        version.bump(project, "0.0.1", DAY)
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("changelog", ["# Changelog\n", "## [Unreleased]\n\n## [0.1.0] - 2026-11-22\n\n* All.\n"])
def test_a_release_that_changes_nothing_is_refused(changelog: str) -> None:
    with pytest.raises(ClusterError, match=r"CHANGELOG\.md says nothing about 0\.2\.0"):
        version.released(changelog, "0.2.0", DAY)


def test_install_yaml_has_all_manifests_and_the_image_of_the_release() -> None:
    text = install.render(ROOT, "registry.example.com:5000/simjob/operator", "0.2.0")
    kinds = [item["kind"] for item in yaml.safe_load_all(text)]
    assert {"CustomResourceDefinition", "Namespace", "Deployment", "ClusterRole"} <= set(kinds)
    assert kinds.index("Namespace") < kinds.index("Deployment")
    assert re.findall(r"image: (\S+)", text) == ["registry.example.com:5000/simjob/operator:0.2.0"]


def test_the_packaged_chart_has_the_image_and_the_version_of_the_release(tmp_path: Path) -> None:
    path = package.write(tmp_path, "registry.example.com:5000/simjob/operator", "0.2.0")
    assert path.name == "simjob-operator-0.2.0.tgz"
    with tarfile.open(path) as archive:
        files = {member.name: archive.extractfile(member).read().decode() for member in archive}  # type: ignore[union-attr] # all are files
    assert {f"simjob-operator/{name}" for name in (*chart.NAMES, "templates/NOTES.txt")} == files.keys()
    values = yaml.safe_load(files["simjob-operator/values.yaml"])
    assert values["image"]["repository"] == "registry.example.com:5000/simjob/operator"
    assert values["image"]["tag"] == "0.2.0"
    assert yaml.safe_load(files["simjob-operator/Chart.yaml"])["version"] == "0.2.0"


def a_tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def an_archive(path: Path, *layers: dict[str, bytes]) -> Path:
    """An OCI archive with these files in its layers."""
    blobs = {f"sha256:{hashlib.sha256(content).hexdigest()}": content for content in map(a_tar, layers)}
    manifest = json.dumps({"layers": [{"digest": digest} for digest in blobs]}).encode()
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    files = {f"blobs/{name.replace(':', '/')}": content for name, content in {**blobs, digest: manifest}.items()}
    path.write_bytes(a_tar({**files, "index.json": json.dumps({"manifests": [{"digest": digest}]}).encode()}))
    return path


def a_bill(*components: tuple[str, str]) -> dict[str, Any]:
    listed = [{"name": name, "version": found, "bom-ref": f"{name}@{found}"} for name, found in components]
    refs = [item["bom-ref"] for item in listed]
    return {
        "metadata": {"component": {"bom-ref": "simjob"}},
        "components": listed,
        "dependencies": [{"ref": "simjob", "dependsOn": refs}, *({"ref": ref, "dependsOn": refs} for ref in refs)],
    }


def test_the_last_layer_says_which_debian_packages_there_are(tmp_path: Path) -> None:
    lower, upper = {"var/lib/dpkg/status": b"old"}, {"./var/lib/dpkg/status": b"new", f"{SITE}/x.py": b""}
    assert bill.contents(an_archive(tmp_path / "image.tar", lower, upper)) == {bill.STATUS: b"new"}


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="it is not the operator's image"):
        bill.contents(an_archive(tmp_path / "image.tar", {"etc/passwd": b""}))


def test_python_distributions_are_compared_by_their_normalized_names() -> None:
    files = {f"{SITE}/aiohttp_retry-2.9.1.dist-info/METADATA": b"", bill.STATUS: b""}
    assert bill.distributions(files) == {"aiohttp-retry": "2.9.1"}


def test_the_bill_has_what_the_image_has_and_no_more() -> None:
    found = bill.of_image(a_bill(("Kopf", "1.45"), ("colorama", "0.4")), {"kopf": "1.45"})
    assert [item["name"] for item in found["components"]] == ["Kopf"]
    assert found["dependencies"] == [
        {"ref": "simjob", "dependsOn": ["Kopf@1.45"]},
        {"ref": "Kopf@1.45", "dependsOn": ["Kopf@1.45"]},
    ]


@pytest.mark.parametrize("installed", [{"kopf": "1.46"}, {"kopf": "1.45", "pip": "25.0"}])
def test_an_image_with_packages_that_the_lock_lacks_stops_the_release(installed: dict[str, str]) -> None:
    with pytest.raises(ClusterError, match=r"the image has what uv\.lock does not: "):
        bill.of_image(a_bill(("kopf", "1.45")), installed)


def test_both_bills_are_made_by_their_tools(tmp_path: Path) -> None:
    status = (
        b"Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2\n"
        b"Maintainer: M <m@debian.org>\nDescription: a shell\n\n"
    )
    kopf = re.search(r'name = "kopf"\nversion = "(.+)"', (ROOT / "uv.lock").read_text())
    assert kopf
    files = {bill.STATUS: status, f"{SITE}/kopf-{kopf[1]}.dist-info/METADATA": b""}
    made = bill.write(ROOT, an_archive(tmp_path / "image.tar", files), "0.2.0")
    debian, python = (json.loads(path.read_text()) for path in made)
    assert debian["bomFormat"] == python["bomFormat"] == "CycloneDX"
    assert any(item.get("purl", "").startswith("pkg:deb/debian/bash@5.2") for item in debian["components"])
    assert [item["name"] for item in python["components"]] == ["kopf"]


def test_sha256sum_finds_a_file_that_was_changed(tmp_path: Path) -> None:
    def check() -> int:
        command = ["sha256sum", "--check", "--quiet"]
        return subprocess.run(command, cwd=tmp_path, input=sums, text=True, check=False).returncode

    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    sums = command.checksums(tmp_path)
    assert check() == 0
    (tmp_path / "b").write_text("c")
    assert check() != 0


@pytest.mark.parametrize("page", version.PAGES)
def test_a_page_names_the_version_of_the_project(page: str) -> None:
    text = (ROOT / page).read_text()
    assert version.renamed(text, version.current(ROOT), "9.9.9") != text
