import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from simjob.runtime.client import errors, serverversion
from simjob.runtime.client.serverversion import TooOldError
from worlds.wire import Answer, Wire


def a_version(major: str = "1", minor: str = "36", git: str = "v1.36.3", **more: str) -> dict[str, Any]:
    return {"major": major, "minor": minor, "gitVersion": git, "goVersion": "go1.27", **more}


class Pauses:
    """A clock that does not wait, and the pauses that were asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)


def a_wire(*answers: Answer) -> Wire:
    wire = Wire()
    wire.answers.extend(answers)
    return wire


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        pytest.param(a_version(), (1, 36), id="plain Kubernetes"),
        pytest.param(a_version(minor="33+", git="v1.33.1-eks-fedcba"), (1, 33), id="Amazon"),
        pytest.param(a_version(minor="34+", git="v1.34.2-gke.1000"), (1, 34), id="Google"),
        pytest.param(a_version(major="", minor="", git="v1.35.0+k3s1"), (1, 35), id="k3s"),
        pytest.param(a_version(major="x", minor="y", git="1.33"), (1, 33), id="numbers that cannot be read"),
        pytest.param(a_version(major="2", minor="0"), (2, 0), id="a later major version"),
        pytest.param(
            a_version(emulationMajor="1", emulationMinor="32"), (1, 32), id="a version that emulates an earlier one"
        ),
        pytest.param(a_version(major="", minor="", git="unknown"), None, id="no version anywhere"),
        pytest.param({}, None, id="an empty answer"),
    ],
)
def test_a_version_with_a_vendor_suffix_is_read(answer: dict[str, Any], version: tuple[int, int] | None) -> None:
    assert serverversion.parse(msgspec.json.encode(answer)) == version


@pytest.mark.parametrize("answer", [b"", b"<html>sign in</html>", b'{"major": 1, "minor": 36}', b"[]"])
def test_an_answer_without_a_version_is_read_as_none(answer: bytes) -> None:
    assert serverversion.parse(answer) is None


@pytest.mark.parametrize("minor", ["33", "33+", "37"])
async def test_the_minimum_version_and_later_ones_are_accepted(minor: str) -> None:
    wire = a_wire(a_version(minor=minor))
    await serverversion.require(wire)
    assert [(method, path) for method, path, _ in wire.requests] == [("GET", "/version")]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(
            a_version(minor="32", git="v1.32.13"),
            "Kubernetes 1.32 is too old: the operator needs 1.33 or newer, because",
            id="the version before the oldest that works",
        ),
        pytest.param(a_version(minor="9+"), "Kubernetes 1.9 is too old", id="a much older version"),
        pytest.param(
            a_version(emulationMajor="1", emulationMinor="32"),
            "Kubernetes 1.32 is too old",
            id="a new version that emulates an older one",
        ),
    ],
)
async def test_an_older_version_is_refused(answer: dict[str, Any], said: str) -> None:
    with pytest.raises(TooOldError) as caught:
        await serverversion.require(a_wire(answer))
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "trouble",
    [
        errors.UnavailableError("no answer"),
        errors.UnavailableError("upgrading", code=503),
        errors.UnavailableError("too many requests", code=429),
        errors.ForbiddenError("RBAC is not ready", code=403),
        errors.NotFoundError("not here yet", code=404),
    ],
)
async def test_an_api_server_that_does_not_answer_yet_is_waited_for(
    trouble: errors.ClusterError, caplog: pytest.LogCaptureFixture
) -> None:
    pauses = Pauses()
    await serverversion.require(a_wire(*[trouble] * 6, a_version()), pauses.sleep)
    assert pauses.seconds == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert len(caplog.records) == 1, "the same trouble is logged once"


async def test_an_unreadable_version_logs_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    await serverversion.require(a_wire(b"<html>sign in</html>"))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_the_process_exits_before_any_write_on_an_older_version(tmp_path: Path) -> None:
    writes: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        if request.method != "GET":
            writes.append(request.path)
        return web.json_response(a_version(minor="32")) if request.path == "/version" else web.Response(status=503)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    (tmp_path / "kubeconfig").write_text(json.dumps(a_kubeconfig(f"http://127.0.0.1:{runner.addresses[0][1]}")))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simjob", "--health-port=0"),
        env={**os.environ, "KUBECONFIG": str(tmp_path / "kubeconfig")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    await runner.cleanup()
    lines = [json.loads(line) for line in output.splitlines()]
    errors_ = [line["message"] for line in lines if line["severity"] == "error"]
    assert len(errors_) == 1
    assert errors_[0].startswith("Kubernetes 1.32 is too old")
    assert (process.returncode, writes) == (1, [])


def a_kubeconfig(server: str) -> dict[str, Any]:
    return {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": server}}],
        "users": [{"name": "it", "user": {"token": "token"}}],
    }
