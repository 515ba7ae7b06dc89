"""Flame graphs of a system's process, made from outside by py-spy."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.children import Child
from bench.errors import TrialError

RATE = 200


@asynccontextmanager
async def profiling(child: Child, path: Path) -> AsyncIterator[None]:
    """Write what the process does inside the block into an SVG file."""
    # It may not stop the process for each look: that would be a part of what is measured.
    arguments = ("record", "--nonblocking", "--rate", str(RATE), "--format", "flamegraph")
    spy = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("py-spy")),
        *(*arguments, "--pid", str(child.process.pid), "--output", str(path)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    # It has found its way into the process by then.
    await asyncio.sleep(1)
    try:
        yield
    finally:
        if spy.returncode is None:
            spy.send_signal(signal.SIGINT)
        _, said = await spy.communicate()
    if spy.returncode:
        raise TrialError(f"py-spy, which needs to be root or the right to trace, has failed: {said.decode()}")
