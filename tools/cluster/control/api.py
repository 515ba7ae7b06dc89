"""A client of the API server, as small as bringing up a cluster allows."""

import http.client
import json
import ssl
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cluster.control.pki import Pair


class Api:
    """One connection as administrator. An unreachable server answers with status 0."""

    def __init__(self, port: int, authority: Path, client: Pair) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(client.certificate, client.key)
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, str]:
        """Send a request; return status and answer."""
        content = None if body is None else json.dumps(body)
        try:
            kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
            self._connection.request(method, path, content, {"Content-Type": kind})
            answer = self._connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return 0, ""

    def get(self, path: str) -> dict[str, Any]:
        """Read an object; empty if there is none."""
        status, answer = self.ask("GET", path)
        found: dict[str, Any] = json.loads(answer) if status == http.HTTPStatus.OK else {}
        return found

    def is_ready(self) -> bool:
        return self.ask("GET", "/readyz")[0] == http.HTTPStatus.OK

    def nodes(self) -> dict[str, dict[str, Any]]:
        """Read all nodes, by name."""
        return {node["metadata"]["name"]: node for node in self.get("/api/v1/nodes").get("items", [])}

    def has_reported_since(self, node: str, since: datetime) -> bool:
        """Say whether the node has given a sign of life. Its conditions may be from before its kubelet died."""
        lease = self.get(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}")
        renewed = lease.get("spec", {}).get("renewTime")
        return renewed is not None and datetime.fromisoformat(renewed) > since

    def has_default_account(self) -> bool:
        """Say whether pods can be created in the namespace `default`: without the account they are refused."""
        return bool(self.get("/api/v1/namespaces/default/serviceaccounts/default"))


def is_ready(node: Mapping[str, Any]) -> bool:
    """Say whether the node's kubelet says so."""
    conditions = {item["type"]: item["status"] for item in node.get("status", {}).get("conditions", [])}
    return conditions.get("Ready") == "True"


def is_held_back(node: Mapping[str, Any]) -> bool:
    """Say whether the scheduler avoids the node, as it does until the controller manager has seen it ready."""
    return any(taint["key"].startswith("node.kubernetes.io/") for taint in node["spec"].get("taints", []))
