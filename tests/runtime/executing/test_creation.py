import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from given.builders import a_job_dict
from simjob.core.children import jobandpod
from simjob.core.plan import StartAttempt
from simjob.runtime.client.errors import (
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NamespaceTerminatingError,
    NotFoundError,
    ObjectQuotaError,
    UnavailableError,
)
from simjob.runtime.watching.sinks import JobSink
from worlds.executing import Workbench, case
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


async def test_a_case_gets_its_job_and_then_its_pod() -> None:
    bench = Workbench()
    outcome = await bench.apply(case(0), case(2))
    assert sorted(bench.cluster.calls) == ["create_job", "create_job", "create_pod", "create_pod"]
    assert (bench.gate.take_created(), bench.gate.refusal, outcome.trouble) == ({0, 2}, None, None)
    assert [len(found.pods) for found in bench.observed] == [1, 1], "the answers are in the store at once"


class TestAlreadyThere:
    async def test_an_existing_job_of_ours_is_used(self) -> None:
        bench = Workbench()
        await bench.cluster.create_job("default", bench.rendered())
        await bench.apply(case())
        assert (bench.gate.take_created(), bench.gate.refusal) == ({0}, None)
        assert len(bench.names("pods")) == 1

    async def test_an_existing_job_of_another_owner_is_a_refusal(self) -> None:
        bench = Workbench()
        body = msgspec.json.decode(bench.rendered())
        del body["metadata"]["ownerReferences"]
        bench.cluster.put("jobs", "default", body)
        await bench.apply(case())
        assert bench.gate.refusal is not None
        assert (bench.gate.refusal.kind, bench.gate.refusal.invalid) == ("Job", False)
        assert "does not belong to this case" in bench.gate.refusal.message
        assert (bench.gate.take_created(), bench.names("pods")) == (set(), [])

    async def test_an_existing_pod_of_ours_is_a_success(self) -> None:
        bench = Workbench()
        job, pod = await bench.started()
        await bench.apply(StartAttempt(job=job))
        assert (bench.gate.refusal, bench.names("pods")) == (None, [pod.name])

    async def test_an_existing_pod_of_another_job_is_a_refusal(self) -> None:
        bench = Workbench()
        bench.cluster.refuse("create_pod", UnavailableError("no answer"))
        await bench.apply(case())
        stored = await bench.cluster.get_job("default", bench.names("jobs")[0])
        await bench.cluster.create_pod("default", jobandpod.render_pod(replace(stored.fact, uid="x"), stored.template))
        await bench.apply(StartAttempt(job=stored.fact))
        assert bench.gate.refusal is not None
        assert (bench.gate.refusal.kind, bench.gate.refusal.invalid) == ("Pod", False)


class TestUnmanaged:
    """A webhook, a policy or an old API server takes spec.managedBy out of Jobs."""

    @pytest.fixture
    def bench(self) -> Workbench:
        bench = Workbench()
        make = bench.cluster.create_job

        async def strip(namespace: str, body: bytes) -> Any:
            raw = msgspec.json.decode(body)
            raw["spec"].pop("managedBy", None)
            return await make(namespace, msgspec.json.encode(raw))

        bench.cluster.create_job = strip  # type: ignore[method-assign]
        return bench

    async def test_an_unmanaged_job_is_deleted_and_the_refusal_says_why(self, bench: Workbench) -> None:
        await bench.apply(case(1))
        assert (bench.names("jobs"), bench.names("pods")) == ([], [])
        assert bench.gate.refusal is not None
        assert (bench.gate.refusal.kind, bench.gate.refusal.invalid) == ("Job", False)
        assert "spec.managedBy" in bench.gate.refusal.message

    async def test_a_failed_deletion_of_an_unmanaged_job_is_retried(self, bench: Workbench) -> None:
        bench.cluster.refuse("delete_job", UnavailableError("no answer"))
        await bench.apply(case())
        assert (len(bench.names("jobs")), bench.names("pods")) == (1, [])
        assert bench.gate.under_way == {0}
        await bench.apply(case())
        assert (bench.names("jobs"), bench.names("pods")) == ([], [])
        assert bench.gate.refusal is not None

    async def test_the_watch_does_not_report_an_unmanaged_job(self, bench: Workbench) -> None:
        bench.cluster.watch(jobs=JobSink(bench.store), simulationjobs=bench.store)
        await bench.apply(case())
        assert not bench.store.view(bench.key).has_children


class TestRefusals:
    @pytest.mark.parametrize(("call", "kind"), [("create_job", "Job"), ("create_pod", "Pod")])
    @pytest.mark.parametrize(
        ("error", "invalid"),
        [
            pytest.param(ForbiddenError("exceeded quota", code=403), False, id="a quota that frees itself"),
            pytest.param(ObjectQuotaError("exceeded quota", code=403), False, id="a quota that ended objects fill"),
            pytest.param(InvalidError("bad", code=422), True, id="an invalid object"),
        ],
    )
    async def test_a_refusal_quotes_the_api_server(
        self, call: str, kind: str, error: ForbiddenError | InvalidError, invalid: bool
    ) -> None:
        bench = Workbench()
        bench.cluster.refuse(call, error)
        outcome = await bench.apply(case(1))
        refusal = bench.gate.refusal
        assert refusal is not None
        assert (refusal.index, refusal.kind, refusal.message, refusal.invalid) == (1, kind, error.message, invalid)
        assert refusal.counts_objects is isinstance(error, ObjectQuotaError)
        assert (refusal.lasted, refusal.unavailable, outcome.trouble) == (False, False, None)
        assert bench.gate.take_created() == (set() if kind == "Job" else {1})

    async def test_no_more_creations_are_sent_after_a_refusal(self) -> None:
        bench = Workbench(cases={"count": 500})
        bench.cluster.refuse("create_job", *[ForbiddenError("exceeded quota", code=403)] * 500)
        await bench.apply(*(case(index) for index in range(500)))
        assert len(bench.cluster.calls) <= 64

    async def test_a_terminating_namespace_is_an_error_and_no_refusal(self) -> None:
        bench = Workbench()
        bench.cluster.refuse("create_job", NamespaceTerminatingError("going", code=403))
        outcome = await bench.apply(case())
        assert bench.gate.refusal is None
        assert isinstance(outcome.trouble, NamespaceTerminatingError)

    @pytest.mark.parametrize("call", ["create_job", "create_pod"])
    @pytest.mark.parametrize(
        "error",
        [
            UnavailableError("no answer"),
            UnavailableError("failed calling webhook", code=500),
            ConflictError("Operation cannot be fulfilled on resourcequotas", code=409),
            NotFoundError("the server could not find the requested resource", code=404),
        ],
    )
    async def test_an_error_delays_only_its_own_case(self, call: str, error: ClusterError) -> None:
        bench = Workbench()
        bench.cluster.refuse(call, error)
        outcome = await bench.apply(case(0), case(1))
        assert (outcome.trouble, bench.gate.refusal) == (None, None), "once is no news"
        assert bench.gate.under_way == {0}
        assert len(bench.names("pods")) == 1

    @pytest.mark.parametrize(
        ("error", "unavailable"),
        [
            pytest.param(UnavailableError("no answer"), True, id="no answer"),
            pytest.param(UnavailableError("slow down", code=429), True, id="too many requests"),
            pytest.param(UnavailableError("bad gateway", code=502), True, id="a bad gateway"),
            pytest.param(UnavailableError("failed calling webhook", code=500), False, id="a webhook that fails"),
            pytest.param(
                ConflictError("Operation cannot be fulfilled on resourcequotas", code=409),
                False,
                id="a quota that changed meanwhile",
            ),
        ],
    )
    async def test_a_lasting_error_is_reported_with_the_api_servers_message(
        self, error: ClusterError, unavailable: bool
    ) -> None:
        bench = Workbench()
        bench.cluster.refuse("create_pod", error, error, error)
        for _ in range(3):
            await bench.apply(case(0))
            await asyncio.sleep(2)
        refusal = bench.gate.refusal
        assert refusal is not None
        assert (refusal.kind, refusal.message, refusal.unavailable) == ("Pod", error.message, unavailable)


class TestStopSigns:
    @pytest.mark.parametrize("change", [{"cancel": True}, {"suspend": True}])
    async def test_a_stop_request_drops_planned_creations(self, change: Any) -> None:
        bench = Workbench()
        bench.cluster.apply(a_job_dict(**change))
        await bench.apply(case())
        assert (bench.cluster.calls, bench.gate.take_created()) == ([], set())

    async def test_a_cancel_between_job_and_pod_prevents_the_pod(self) -> None:
        bench = Workbench()
        make = bench.cluster.create_job

        async def make_and_cancel(namespace: str, body: bytes) -> Any:
            stored = await make(namespace, body)
            bench.cluster.apply(a_job_dict(cancel=True))
            await asyncio.sleep(0)
            return stored

        bench.cluster.create_job = make_and_cancel  # type: ignore[method-assign]
        await bench.apply(case())
        assert (len(bench.names("jobs")), bench.names("pods")) == (1, [])
        assert bench.observed[0].job is not None, "the Job in flight is known to the passes that follow"

    async def test_a_suspended_job_gets_no_pod(self) -> None:
        bench = Workbench()
        body = msgspec.json.decode(bench.rendered())
        await bench.cluster.create_job(
            "default", msgspec.json.encode(body | {"spec": body["spec"] | {"suspend": True}})
        )
        await bench.apply(case())
        assert (bench.names("pods"), bench.gate.refusal) == ([], None)
        await bench.apply(StartAttempt(job=bench.observed[0].job))
        assert bench.names("pods") == []

    async def test_an_attempt_that_was_just_counted_is_not_started(self) -> None:
        bench = Workbench()
        job, pod = await bench.started()
        bench.cluster.remove("pods", "default", pod.name)
        await bench.cluster.annotate_job("default", job.name, job.uid, {"simjob.dev/attempt": "1"})
        await bench.apply(StartAttempt(job=job))
        assert bench.names("pods") == []
