"""Logs which fields of a spec are ignored because this version does not know them: each path once, up to a limit."""

import logging
import re
from collections.abc import Iterable
from typing import Final

from simjob.api.simulationjob import Metadata

# Different paths that are logged in the life of a process.
_MOST: Final = 100
_INDEX: Final = re.compile(r"\[\d+\]")

_log: Final = logging.getLogger(__name__)


class UnknownFields:
    """Remembers which paths were logged: a CRD with a new default puts the same one into every object."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def note(self, metadata: Metadata, paths: Iterable[str]) -> None:
        """Log the paths that were not logged before, with the first object that has them."""
        for path in paths:
            field = _INDEX.sub("[]", path)
            if field in self._logged or len(self._logged) >= _MOST:
                continue
            self._logged.add(field)
            about = {"namespace": metadata.namespace, "simulationjob": metadata.name, "field": field}
            _log.warning("a field that this version does not know is ignored", extra=about)
