"""Log fields of a spec that this version does not know and ignores: each path once, up to a limit."""

import logging
import re
from collections.abc import Iterable
from typing import Final

from simjob.api.simulationjob import Metadata

# The number of different paths that one process logs.
_MOST: Final = 100
_INDEX: Final = re.compile(r"\[\d+\]")

_log: Final = logging.getLogger(__name__)


class UnknownFields:
    """Remember which paths were logged: a newer CRD with a default adds the same path to every object."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def note(self, metadata: Metadata, paths: Iterable[str]) -> None:
        """Log each path that was not logged before, with the object that has it."""
        for path in paths:
            field = _INDEX.sub("[]", path)
            if field in self._logged or len(self._logged) >= _MOST:
                continue
            self._logged.add(field)
            about = {"namespace": metadata.namespace, "simulationjob": metadata.name, "field": field}
            _log.warning("ignored a field that this version of the operator does not know", extra=about)
