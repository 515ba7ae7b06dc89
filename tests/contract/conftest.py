"""The fixtures of the contract: a world, its cluster, and a SimulationJob in it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
from contract.given import make_sweep
from contract.worlds import FakeWorld, RealWorld, World
from simjob.api.simulationjob import SimulationJob
from simjob.runtime.cluster.calls import Cluster


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.integration)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with opened(request) as world:
        yield world


def opened(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[World]:
    if request.param == "fake":
        return FakeWorld.open()
    # Asked for here, because it starts a cluster.
    return RealWorld.open(request.getfixturevalue("kubeconfig"))


@pytest.fixture
def cluster(world: World) -> Cluster:
    return world.cluster


@pytest.fixture
async def sweep(world: World) -> SimulationJob:
    return await make_sweep(world)
