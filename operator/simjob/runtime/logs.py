"""How the operator logs: kopf's formatter on the root logger, one line a fact, fields by `extra`."""

import logging

import kopf

from simjob.runtime.settings import Settings

# kopf tells of each event that it has handled, aiohttp of each probe.
_CHATTY = ("kopf.objects", "kopf._core", "kopf._cogs", "aiohttp.access")


def configure(settings: Settings) -> None:
    """Sets format and level for the whole process."""
    kopf.configure(log_format=kopf.LogFormat.JSON if settings.log_format == "json" else kopf.LogFormat.FULL)
    root = logging.getLogger()
    root.setLevel(settings.log_level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
