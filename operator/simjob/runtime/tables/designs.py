"""Draw designs of experiments in a separate process (runtime/subprocesses/sampler.py), which imports scipy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.samples import Samples
from simjob.core.cases.tableshards import Shard
from simjob.runtime.subprocesses.childprocess import Helpers
from simjob.runtime.subprocesses.designrequest import Request

_SAMPLER: Final = "simjob.runtime.subprocesses.sampler"


class Designs:
    """Draw designs of experiments."""

    def __init__(self, helpers: Helpers) -> None:
        self._helpers = helpers

    @asynccontextmanager
    async def drawn(
        self, samples: Samples, seed: int, indexes: Ranges
    ) -> AsyncIterator[tuple[str, AsyncIterator[Shard]]]:
        """Give a digest of the points, and the shards with the cases of `indexes`.

        Raise HelperError, also while the shards are read, if the sampler ends early.
        """
        request = msgspec.json.encode(Request(samples.to_api(as_given=True), seed, str(indexes)))
        async with self._helpers.asked(_SAMPLER, request) as answer:
            yield msgspec.json.decode(await answer.line(), type=str), answer.shards()
