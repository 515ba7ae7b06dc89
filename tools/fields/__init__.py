"""Which tests show what a field of the spec does, and that an invalid value is refused: `python -m fields`."""
