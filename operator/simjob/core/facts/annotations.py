"""Numbers and times in names and annotations. Other programs may have edited them, so nothing raises."""

from datetime import datetime


def number(text: str) -> int | None:
    """Return the number in a name or an annotation: at most nine decimal digits. None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def time(text: str) -> datetime | None:
    """Return the ISO 8601 time in an annotation; None for any other text, and for a time without a zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
