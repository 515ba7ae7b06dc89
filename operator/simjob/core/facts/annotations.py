"""Numbers and times in names and annotations, which anybody may have edited."""

from datetime import datetime


def number(text: str) -> int | None:
    """Return the number that a name or an annotation holds; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def time(text: str) -> datetime | None:
    """Return the time that an annotation holds; None for any other text, and for a time without a zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
