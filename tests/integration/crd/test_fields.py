"""The API server refuses every kind of value that the CRD forbids, for each field of the spec."""

import re
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from apidocs.wording import immutable_fields
from cluster.provider import Cluster
from fields import schema
from fields.invalid import invalid
from fields.schema import Field, Keys
from given.fullspec import FULL_SPECS, OTHERS
from integration.crd.api import NAMESPACE, Api
from integration.support.client import Client, Object, RefusedError, simulationjobs
from simjob.api.names import API_VERSION, KIND

pytestmark = pytest.mark.integration

OBJECTS: list[Object] = [
    {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "full"}, "spec": spec} for spec in FULL_SPECS
]
STRICT = f"{simulationjobs(NAMESPACE)}?dryRun=All&fieldValidation=Strict"
FIELDS = {each.path: each for each in schema.fields()}
IMMUTABLE = {f"spec.{name}" for name in immutable_fields(FIELDS["spec"].schema)}
# A spec without one of these breaks another rule as well.
KEPT = ("spec.cases", "spec.rerunOf", "spec.template", "spec.queueName")
# What is said besides: "<nil>", that no rule was looked at, and ".spec.parallelism", that it cannot be scaled.
ELSEWHERE = ("<nil>", ".")


@pytest.fixture(scope="module")
def client(api: Api, kwok_cluster: Cluster) -> Iterator[Client]:
    """One connection for all, once there are the CRD and the namespace."""
    found = Client(kwok_cluster)
    yield found
    found.close()


@pytest.fixture(scope="module")
def stored(client: Client) -> list[Object]:
    """The full objects, made for once."""
    named = [{**job, "metadata": {"name": f"full-{number}"}} for number, job in enumerate(OBJECTS)]
    return [client.create(simulationjobs(NAMESPACE), job) for job in named]


def an_object_with(path: str) -> tuple[Object, Keys]:
    """Find a full object that has the field, and where."""
    return next((job, keys) for job in OBJECTS for keys in schema.places(job, path))


@pytest.mark.parametrize("job", OBJECTS, ids=lambda job: next(iter(job["spec"].get("cases", ["rerunOf"]))))
def test_the_full_objects_are_valid(client: Client, job: Object) -> None:
    made = client.create(STRICT, job)
    assert made["spec"] == job["spec"]


@pytest.mark.parametrize(
    "field", [pytest.param(each, id=each.path, marks=pytest.mark.refusal(each.path)) for each in schema.fields()]
)
def test_no_invalid_value_is_accepted(client: Client, field: Field) -> None:
    job, keys = an_object_with(field.path)
    found = list(invalid(field.schema, schema.at(job, keys)))
    assert found
    told = [(wrong.what, refusal(client, schema.replaced(job, keys, wrong.value))) for wrong in found]
    assert told == [(wrong.what, {schema.written(keys) + wrong.below}) for wrong in found]


@pytest.mark.parametrize(
    "path", [pytest.param(each.path, id=each.path) for each in schema.fields() if "properties" in each.schema]
)
def test_no_unknown_field_is_accepted(client: Client, path: str) -> None:
    job, keys = an_object_with(path)
    with pytest.raises(RefusedError) as refused:
        client.create(STRICT, schema.replaced(job, (*keys, "nonsense"), "x"))
    assert refused.value.code == HTTPStatus.BAD_REQUEST
    assert f'unknown field "{schema.written(keys)}.nonsense"' in refused.value.message


@pytest.mark.parametrize("path", OTHERS)
def test_only_mutable_fields_can_be_changed(client: Client, stored: list[Object], path: str) -> None:
    job, keys = next((job, keys) for job in stored for keys in schema.places(job, path))
    changes = [schema.replaced(job, keys, OTHERS[path])]
    if path not in KEPT and "default" not in FIELDS[path].schema:
        changes.append(schema.removed(job, keys))
    named = {path} if path in IMMUTABLE else set()
    assert [refusal(client, changed, "PUT") for changed in changes] == [named] * len(changes)


def refusal(client: Client, job: Object, method: str = "POST") -> set[str]:
    """Give the fields that the API server names; they are none if it accepts the object."""
    path = simulationjobs(NAMESPACE, job["metadata"]["name"] if method == "PUT" else "")
    code, answer = client.once(method, f"{path}?dryRun=All", job)
    if code in (HTTPStatus.OK, HTTPStatus.CREATED):
        return set()
    refused = RefusedError(code, answer)
    assert code == HTTPStatus.UNPROCESSABLE_ENTITY, refused
    # A rule names a map's value [key], a schema .key.
    named = {re.sub(r"\[([^\]\d][^\]]*)\]", r".\1", path) for path in refused.fields}
    return {path for path in named if not path.startswith(ELSEWHERE)}
