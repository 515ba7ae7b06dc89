"""Outcomes as tests write them: {"succeeded": "0-1", "failed": "2"}."""

from collections.abc import Mapping
from typing import Any

from simjob.api.sweep.ranges import Ranges

OUTCOMES = ("succeeded", "failed", "cancelled")
_ALL = (*OUTCOMES, "cancelling")
FIELDS = tuple(f"{name}Indexes" for name in _ALL)


def as_fields(outcomes: Mapping[str, str]) -> dict[str, str]:
    """Return the status fields for these outcomes."""
    return {f"{name}Indexes": ranges for name, ranges in outcomes.items()}


def outcomes_of(status: Mapping[str, Any]) -> dict[str, str]:
    """Return the outcomes in the fields of a status."""
    found = {name: status.get(f"{name}Indexes") for name in _ALL}
    return {name: ranges for name, ranges in found.items() if ranges is not None}


def indexes(status: Mapping[str, Any], outcome: str) -> Ranges:
    """Return the cases of a status with an outcome; for "cancelling", those that are being cancelled."""
    return Ranges.parse(status.get(f"{outcome}Indexes", ""))
