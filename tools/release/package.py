"""The Helm chart of a release, as `helm package` writes one, with the image of the release as its default."""

import io
import tarfile
from pathlib import Path
from typing import Final

from chart import files, objects

from release import install

_NOTES: Final = "templates/NOTES.txt"


def write(folder: Path, image: str, version: str) -> Path:
    """Write the archive, and return its path."""
    found = files.render(version, install.images(image, version))
    found[_NOTES] = (objects.ROOT / files.FOLDER / _NOTES).read_text()
    path = folder / f"{files.NAME}-{version}.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in sorted(found.items()):
            content = text.encode()
            member = tarfile.TarInfo(f"{files.NAME}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
