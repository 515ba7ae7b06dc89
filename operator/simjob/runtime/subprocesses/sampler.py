"""Draw a design of experiments in a separate process. This is the only module that imports scipy.

The request is a `designrequest.Request`. The first line of the answer is a digest of the points: see
runtime/subprocesses/childprocess.py.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from simjob.api.sweep.cases import Case
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.samples import Method, Samples
from simjob.core.cases import designpoints, tableshards
from simjob.runtime.subprocesses import childprocess, designrequest

Points = NDArray[np.float64]

_ENGINES: Final[dict[Method, Callable[..., Any]]] = {
    Method.LATIN_HYPERCUBE: qmc.LatinHypercube,
    Method.SOBOL: qmc.Sobol,
    Method.HALTON: qmc.Halton,
}


def draw(samples: Samples, seed: int) -> Points:
    """Return the points in the unit cube, as an array of shape (size, number of parameters).

    Designs: https://docs.scipy.org/doc/scipy/reference/stats.qmc.html
    """
    generator = np.random.default_rng(seed)
    dimensions = len(samples.parameters)
    if samples.method is Method.RANDOM:
        return generator.random((samples.size, dimensions))
    with warnings.catch_warnings():
        # scipy warns if the size of a Sobol design is not a power of two. The API's description says so already.
        warnings.simplefilter("ignore", UserWarning)
        points: Points = _ENGINES[samples.method](dimensions, rng=generator).random(samples.size)
    return points


def cases(samples: Samples, points: Points, indexes: Ranges) -> Iterator[Case]:
    """Yield the cases of `indexes`. Row i of `points` gives the parameters of case i."""
    for index in indexes:
        yield Case(index, str(index), designpoints.parameters(samples, points[index].tolist()))


def answer(request: designrequest.Request) -> Iterator[bytes]:
    """Yield the lines of the answer to a request."""
    samples, indexes = Samples.model_validate(request.samples), Ranges.parse(request.indexes)
    points = draw(samples, request.seed)
    digest = sha256(points.tobytes())
    digest.update(msgspec.json.encode([request.samples, request.indexes]))
    yield msgspec.json.encode(digest.hexdigest()) + b"\n"
    yield from childprocess.packed(tableshards.pack(cases(samples, points, indexes)))


def main() -> None:
    """Answer one request, from standard input to standard output."""
    childprocess.write(answer(msgspec.json.decode(sys.stdin.buffer.read(), type=designrequest.Request)))


if __name__ == "__main__":
    main()
