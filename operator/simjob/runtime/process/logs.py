"""Configure logging: kopf's formatter on the root logger, one line per fact, fields through `extra`."""

import logging
from typing import Final

import kopf

from simjob.runtime.process.settings import Settings

# Loggers limited to warnings: kopf logs each event and each of its steps, and aiohttp logs each probe.
_CHATTY = ("kopf.activities", "kopf.objects", "kopf._core", "kopf._cogs", "aiohttp.access")


# The attributes of every record. All others came through `extra`.
_USUAL: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "settings"}


class _Text(logging.Formatter):
    """Format a record as a line for people: the message, then the fields as key=value."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Return the message and its fields, without the traceback."""
        fields = " ".join(f"{key}={value}" for key, value in vars(record).items() if key not in _USUAL)
        return f"{super().formatMessage(record)} {fields}".rstrip()


def configure(settings: Settings) -> None:
    """Set the log format and the log level of the process."""
    kopf.configure(log_format=kopf.LogFormat.JSON if settings.log_format == "json" else kopf.LogFormat.FULL)
    root = logging.getLogger()
    if settings.log_format == "text":
        for handler in root.handlers:
            handler.setFormatter(_Text("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.setLevel(settings.log_level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
