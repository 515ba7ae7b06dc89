"""The notation of a number in a cell: whether comma and point are decimal marks, thousands separators, or ambiguous.

Programs write digits and a point. Spreadsheets write the notation of their language.
"""

import re
from enum import Enum
from typing import Final

from simjob.core.usertables.problems import cut

_LONGEST: Final = 60
_AROUND: Final = " \t"
_EXPONENT: Final = "([eEdD][+-]?[0-9]+)?"
_MINUS: Final = "[\u2212\u2013]"  # The typographic minus and the en dash.
_NO_BREAK: Final = "[\u00a0\u202f]"
_FOREIGN: Final = (
    # Thousands separated by apostrophes (Switzerland) or narrow blanks (France), with any decimal mark.
    rf"([+-]|{_MINUS})?[0-9]{{1,3}}(['\u2019\u00a0\u202f\u2009][0-9]{{3}})+([.,][0-9]*)?",
    # Plain blanks may separate a list, too: only with a decimal comma.
    r"[+-]?[0-9]{1,3}( [0-9]{3})+,[0-9]+",
    # Both marks, or a point twice.
    r"[+-]?[0-9]{1,3}(\.[0-9]{3})+,[0-9]*",
    r"[+-]?[0-9]{1,3}(,[0-9]{2,3})*,[0-9]{3}\.[0-9]*",
    r"[+-]?[1-9][0-9]{0,2}(\.[0-9]{3}){2,}",
    rf"{_MINUS}[0-9]*[.,]?[0-9]+{_EXPONENT}",
    rf"[+-]?[0-9]*[.,]?[0-9]+[eEdD]{_MINUS}[0-9]+",
    r"[+-]?[0-9.]*,[0-9]+[ \u00a0\u202f]?[-%\u2030\u20ac$\u00a3]",
    rf"{_NO_BREAK}+[+-]?[0-9]*[.,]?[0-9]+{_NO_BREAK}*",
    rf"[+-]?[0-9]*[.,]?[0-9]+{_NO_BREAK}+",
)


class Form(Enum):
    """The notation of a cell. OTHER is a text, or a number without comma, point or blank."""

    OTHER = "2500"
    COMMA = "2,5"
    POINT = "2.5"
    COMMA_OR_THOUSANDS = "2,500"
    POINT_OR_THOUSANDS = "2.500"
    # Thousands, or a list.
    COMMAS = "2,500,000"
    BLANKS = "2 500"
    FOREIGN = "2'500.0"


# The first pattern that matches counts.
_PATTERNS: Final = {
    Form.COMMA_OR_THOUSANDS: "[+-]?[1-9][0-9]{0,2},[0-9]{3}",
    Form.POINT_OR_THOUSANDS: r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}",
    Form.COMMA: f"[+-]?[0-9]*,[0-9]+{_EXPONENT}",
    Form.POINT: rf"[+-]?([0-9]+\.[0-9]*|\.[0-9]+){_EXPONENT}",
    # In India: 1,00,000.
    Form.COMMAS: "[+-]?[1-9][0-9]{0,2}(,[0-9]{2,3})*,[0-9]{3}",
    Form.BLANKS: "[+-]?[1-9][0-9]{0,2}( [0-9]{3})+",
    Form.FOREIGN: "|".join(_FOREIGN),
}
_FORM: Final = re.compile("|".join(f"(?P<{form.name}>{pattern})" for form, pattern in _PATTERNS.items()))


def of(cell: str) -> Form:
    """Return the notation of a cell. Blanks around it do not matter."""
    bare = cell.strip(_AROUND)
    found = _FORM.fullmatch(bare) if len(bare) <= _LONGEST else None
    return Form[found.lastgroup] if found and found.lastgroup else Form.OTHER


def shown(cell: str) -> str:
    """Return a cell as messages quote it, with special blanks made visible."""
    return repr(cut(cell.strip(_AROUND), _LONGEST))
