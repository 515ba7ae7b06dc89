"""Has designs of experiments drawn in a process of its own, `python -m simjob.runtime.sampler`, which imports scipy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from simjob.api.ranges import Ranges
from simjob.api.samples import Samples
from simjob.core.casetable import Shard
from simjob.runtime.designrequest import Request
from simjob.runtime.helpers import Helpers

_SAMPLER: Final = "simjob.runtime.sampler"


class Designs:
    """Draws designs."""

    def __init__(self, helpers: Helpers) -> None:
        self._helpers = helpers

    @asynccontextmanager
    async def drawn(
        self, samples: Samples, seed: int, indexes: Ranges
    ) -> AsyncIterator[tuple[str, AsyncIterator[Shard]]]:
        """Give a digest of the points and then their shards; raise HelperError if the sampler ends early."""
        request = msgspec.json.encode(Request(samples.to_api(as_given=True), seed, str(indexes)))
        async with self._helpers.asked(_SAMPLER, request) as answer:
            yield msgspec.json.decode(await answer.line(), type=str), answer.shards()
