"""Lets a test module choose its event loop; one operator on a cluster in memory."""

from collections.abc import Mapping
from typing import Any

import pytest
from worlds.oneoperator import OneOperator
from worlds.virtualtime import loop_factories


def pytest_asyncio_loop_factories(config: Any, item: Any) -> Mapping[str, Any]:
    return loop_factories(item)


@pytest.fixture
async def one() -> OneOperator:
    return OneOperator()
