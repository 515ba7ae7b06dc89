"""The CRD on a real API server. No operator runs here: the tests write the status themselves."""

from pathlib import Path
from typing import Any

import pytest
from cluster.kubectl import wait_established
from integration.crd.api import CRD, NAMESPACE, Api
from simjob.api import names


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Api:
    api = Api(kubeconfig)
    api.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
    wait_established(api.kubectl, names.PLURAL, names.GROUP)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    api.kubectl("apply", "-f", "-", stdin=namespace)
    return api


@pytest.fixture(scope="module", autouse=True)
def _leave_nothing(api: Api) -> Any:
    yield
    api.kubectl("delete", "simjob", "--all", "--wait=false")
