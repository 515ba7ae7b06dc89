"""The examples of docs/api.md, as the API server takes them."""

import pytest
from apidocs import examples
from given.builders import a_whole_job
from integration.crd.api import Api

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("path", examples.EXAMPLES)
def test_the_api_server_takes_the_example(api: Api, path: str) -> None:
    for spec in examples.specs(path):
        job = a_whole_job(spec, name="example")
        answer = api.kubectl("create", "--dry-run=server", "--warnings-as-errors", "-f", "-", stdin=job)
        assert answer.strip() == "simulationjob.simjob.dev/example created (server dry run)"
