"""Run as `python -m release`; `make release VERSION=…` does."""

import argparse
import hashlib
from datetime import UTC, datetime
from pathlib import Path

from cluster.errors import ClusterError
from cluster.images import imagebuild
from cluster.report import Report, tell

from release import bill, install, package, version

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "release"
DESCRIPTION = """\
Set the version where it is not set yet (pyproject.toml, uv.lock, the changelog, the pages that
name it), build the operator's image, and write into build/release: the image archive, what is in
it (CycloneDX, one file for Debian's packages and one for Python's), install.yaml for
`kubectl apply --server-side -f`, the Helm chart, and SHA256SUMS. It publishes, commits and tags
nothing."""
AFTERWARDS = """
Next, as far as it is not done: commit the version and tag it (git tag v{version}), push the image
as {image}:{version}, and publish the files of {folder}."""


def main(arguments: list[str] | None = None) -> int:
    """Make a release; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m release", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version", metavar="VERSION", help="MAJOR.MINOR.PATCH, such as 0.2.0")
    parser.add_argument("--image", default=install.IMAGE, help="the image's name, without a tag (%(default)s)")
    asked = parser.parse_args(arguments)
    try:
        _make(asked.version, asked.image, Report())
    except ClusterError as error:
        tell(error)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _make(wanted: str, image: str, report: Report) -> None:
    version.check(wanted)
    install.check(image)
    for changed in version.bump(ROOT, wanted, datetime.now(UTC).date()):
        report.step(f"version {wanted}: {changed}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    archive = FOLDER / f"simjob-operator-{wanted}.tar"
    imagebuild.build(ROOT, ROOT / "Dockerfile", f"{image}:{wanted}", archive)
    # It says for which inputs the archive was built; the next release builds anyway.
    archive.with_name(f"{archive.name}.inputs").unlink()
    report.step(f"the image {image}:{wanted}: {archive.name}")
    for path in bill.write(ROOT, archive, wanted):
        report.step(f"what is in it: {path.name}")
    (FOLDER / "install.yaml").write_text(install.render(ROOT, image, wanted))
    report.step("kubectl apply --server-side -f install.yaml")
    chart = package.write(FOLDER, image, wanted)
    report.step(f"helm install simjob {chart.name} --namespace simjob-system --create-namespace")
    sums = FOLDER / "SHA256SUMS"
    sums.write_text(checksums(FOLDER))
    report.step(f"sha256sum --check {sums.name}")
    print(AFTERWARDS.format(version=wanted, image=image, folder=FOLDER.relative_to(ROOT)))


def checksums(folder: Path) -> str:
    """Write the checksum of each file as sha256sum reads it."""
    lines = []
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    return "".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
