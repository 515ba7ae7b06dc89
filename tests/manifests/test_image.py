"""The image: what goes into it, when it is built again, and with which commands."""

import re
import tomllib
from pathlib import Path

import pytest
from cluster.images import imagebuild

ROOT = Path(__file__).parents[2]
DOCKERFILES = [ROOT / "Dockerfile", ROOT / "manifests/samples/rc-filter/Dockerfile"]


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A small context with a Dockerfile that copies a file and a folder."""
    (tmp_path / "Dockerfile").write_text("FROM x AS build\nCOPY a.txt src ./\nFROM x\nCOPY --from=build /a /b\n")
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "other.txt").write_text("not copied")
    (tmp_path / "src" / "__pycache__").mkdir(parents=True)
    (tmp_path / "src" / "m.py").write_text("m")
    (tmp_path / "src" / "__pycache__" / "m.pyc").write_text("compiled")
    return tmp_path


def digest(context: Path) -> str:
    return imagebuild.inputs_digest(context, context / "Dockerfile", "t")


def test_the_image_has_the_uv_of_the_lock_file() -> None:
    pinned = re.search(r"^ARG UV_VERSION=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    dev = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["dev"]
    assert pinned is not None
    assert f"uv=={pinned[1]}" in dev


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=["the operator", "the sample rc-filter"])
def test_an_image_runs_as_a_numeric_user_on_the_common_base(dockerfile: Path) -> None:
    lines = dockerfile.read_text().splitlines()
    assert {line.split()[1] for line in lines if line.startswith("FROM")} == {"debian:trixie-slim"}
    assert "USER 65532:65532" in lines


def test_no_copied_file_is_ignored() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for file in imagebuild.copied_files(ROOT, (ROOT / "Dockerfile").read_text()):
        name = file.relative_to(ROOT).as_posix()
        assert any(name == path or name.startswith(f"{path}/") for path in kept), name


def test_copied_files_come_from_the_context_without_bytecode(context: Path) -> None:
    found = imagebuild.copied_files(context, (context / "Dockerfile").read_text())
    assert [file.relative_to(context).as_posix() for file in found] == ["a.txt", "src/m.py"]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param("a.txt", id="a file that is copied"),
        pytest.param("src/m.py", id="a file in a folder that is copied"),
        pytest.param("Dockerfile", id="the Dockerfile"),
    ],
)
def test_a_changed_input_changes_the_image(context: Path, changed: str) -> None:
    before = digest(context)
    with (context / changed).open("a") as file:
        file.write("\n# more")
    assert digest(context) != before


@pytest.mark.parametrize(
    "changed",
    [pytest.param("other.txt", id="another file"), pytest.param("src/__pycache__/m.pyc", id="bytecode")],
)
def test_a_file_that_is_not_copied_does_not_change_the_image(context: Path, changed: str) -> None:
    before = digest(context)
    (context / changed).write_text("changed")
    assert digest(context) == before


def test_an_unchanged_image_is_not_built_again(context: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tar = context / "out.tar"
    tar.write_text("an image")
    (context / "out.tar.inputs").write_text(digest(context))
    assert imagebuild.build(context, context / "Dockerfile", "t", tar) == tar
    assert "nothing changed" in capsys.readouterr().out


@pytest.mark.parametrize("program", ["buildah", "podman"])
def test_a_builder_uses_its_own_storage(program: str) -> None:
    builder = imagebuild.Builder(program, Path("/cache"))
    build = builder.build(Path("/src"), Path("/src/Dockerfile"), "t:1", authorities=Path("/ca"), pull=False)
    assert build[:5] == [program, "--root", "/cache/root", "--runroot", "/cache/run"]
    assert "--pull=never" in build
    assert "/ca:/usr/local/share/ca-certificates:ro" in build
    assert builder.save("t:1", Path("/o.tar"))[-2:] == ["t:1", "oci-archive:/o.tar:t:1"]


def test_docker_builds_with_its_usual_arguments() -> None:
    builder = imagebuild.Builder("docker", Path("/cache"))
    command = builder.build(Path("/src"), Path("/src/Dockerfile"), "t:1", authorities=None, pull=True)
    assert command == ["docker", "build", "--tag", "t:1", "--file", "/src/Dockerfile", "/src"]
    assert builder.save("t:1", Path("/o.tar")) == ["docker", "save", "--output", "/o.tar", "t:1"]


def test_certificates_come_only_from_the_environment(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("a certificate")
    with imagebuild.authorities(tmp_path, {"PIP_CERT": str(bundle)}) as folder:
        assert folder is not None
        assert [file.read_text() for file in folder.glob("*.crt")] == ["a certificate"]
    with imagebuild.authorities(tmp_path, {}) as folder:
        assert folder is None
