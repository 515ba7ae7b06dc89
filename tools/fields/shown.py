"""The tests whose markers say that they show a field. pytest collects them without running them."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from fields.schema import Field

ROOT: Final = Path(__file__).parents[2]
EFFECT: Final = "effect"
REFUSAL: Final = "refusal"


@dataclass(frozen=True, slots=True, order=True)
class Test:
    """A test function, whatever its parameters."""

    __test__ = False

    file: str
    name: str


@dataclass(slots=True, eq=False)
class Shown:
    """The tests by the path of a field: those that show what it does, and those that show what is refused."""

    effect: dict[str, set[Test]] = field(default_factory=dict)
    refusal: dict[str, set[Test]] = field(default_factory=dict)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Note what a test is marked with; one that is never run shows nothing."""
        if item.get_closest_marker("skip") or item.get_closest_marker("xfail"):
            return
        test = Test(item.path.relative_to(ROOT).as_posix(), getattr(item, "originalname", item.name))
        for found, kind in ((self.effect, EFFECT), (self.refusal, REFUSAL)):
            for marker in item.iter_markers(kind):
                for path in marker.args:
                    found.setdefault(path, set()).add(test)

    def gaps(self, fields: Sequence[Field]) -> list[str]:
        """Say which field lacks which test, and which paths are marked and are no field's."""
        lacking = [f"{each.path}: no effect" for each in fields if each.is_leaf and each.path not in self.effect]
        accepted = [f"{each.path}: no refusal" for each in fields if each.path not in self.refusal]
        unknown = {*self.effect, *self.refusal} - {each.path for each in fields}
        return [*lacking, *accepted, *(f"{path}: no such field" for path in sorted(unknown))]


SHOWN: Final = pytest.StashKey[Shown]()


def collect() -> Shown:
    """Collect all tests; RuntimeError with pytest's words if that cannot be done."""
    shown, told = Shown(), io.StringIO()
    with contextlib.redirect_stdout(told):
        code = pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", str(ROOT / "tests")], plugins=[shown])
    if code != pytest.ExitCode.OK:
        raise RuntimeError(told.getvalue())
    return shown
