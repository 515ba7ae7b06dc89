"""How the operator logs: kopf's formatter on the root logger, one line a fact, fields by `extra`."""

import logging
from typing import Final

import kopf

from simjob.runtime.process.settings import Settings

# kopf tells of each event that it has handled and of each step of its own, aiohttp of each probe.
_CHATTY = ("kopf.activities", "kopf.objects", "kopf._core", "kopf._cogs", "aiohttp.access")


# What every record has; all else came by `extra`.
_USUAL: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "settings"}


class _Text(logging.Formatter):
    """A line for human eyes: the sentence, then the fields."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Format the line without its trace."""
        fields = " ".join(f"{key}={value}" for key, value in vars(record).items() if key not in _USUAL)
        return f"{super().formatMessage(record)} {fields}".rstrip()


def configure(settings: Settings) -> None:
    """Set format and level for the whole process."""
    kopf.configure(log_format=kopf.LogFormat.JSON if settings.log_format == "json" else kopf.LogFormat.FULL)
    root = logging.getLogger()
    if settings.log_format == "text":
        for handler in root.handlers:
            handler.setFormatter(_Text("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.setLevel(settings.log_level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
