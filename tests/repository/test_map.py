"""The map of the code names what exists, and every room."""

import re

from generated import ROOT

MAP = ROOT / "operator/README.md"
PACKAGE = ROOT / "operator/simjob"
NAMED = re.findall(r"`([\w.*/-]+)`", MAP.read_text())


def test_every_path_on_the_map_exists() -> None:
    paths = [name for name in NAMED if "/" in name]
    missing = [path for path in paths if not ((PACKAGE / path).exists() or (ROOT / path).exists())]
    assert paths
    assert missing == []


def test_every_room_is_on_the_map() -> None:
    rooms = [folder.parent.relative_to(PACKAGE) for folder in PACKAGE.glob("*/*/__init__.py")]
    assert rooms
    assert [str(room) for room in rooms if str(room) not in NAMED] == []


def test_the_map_has_the_order_of_the_rooms_that_is_checked() -> None:
    for layers in re.findall(r"^containers = .*\n.*\nlayers = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(), re.M):
        order = " → ".join(layer.replace(" | ", ", ") for layer in re.findall(r'"(.*?)"', layers))
        assert order in MAP.read_text()
