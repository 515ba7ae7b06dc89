"""Lets a test module choose its event loop."""

from collections.abc import Mapping
from typing import Any

from virtualtime import loop_factories


def pytest_asyncio_loop_factories(config: Any, item: Any) -> Mapping[str, Any]:
    return loop_factories(item)
