"""A client of the API server for tests: JSON in, JSON out. Several threads can use it, and it survives restarts."""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml
from cluster.provider import Cluster

MERGE = "application/merge-patch+json"
PATIENCE_SECONDS = 60.0

Object = dict[str, Any]


class RefusedError(Exception):
    """The API server answered with an error."""

    def __init__(self, code: int, answer: str) -> None:
        try:
            status: Object = json.loads(answer)
        except ValueError:
            status = {"message": answer}
        self.message = str(status.get("message", answer))
        self.fields = [str(cause.get("field")) for cause in status.get("details", {}).get("causes", [])]
        super().__init__(f"{code}: {self.message}")
        self.code = code


class Client:
    """Speaks as administrator."""

    def __init__(self, cluster: Cluster) -> None:
        content = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
        self.server: str = content["server"]
        self.authority: str = content["certificate-authority-data"]
        pki = cluster.state.pki
        self._tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        self._local = threading.local()

    def get(self, path: str, **query: str) -> Object:
        return self.ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def find(self, path: str) -> Object | None:
        """Read an object; None if there is none."""
        try:
            return self.get(path)
        except RefusedError as refused:
            if refused.code == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    def create(self, path: str, body: Object) -> Object:
        return self.ask("POST", path, body)

    def patch(self, path: str, body: Object) -> Object:
        """Apply a JSON merge patch."""
        return self.ask("PATCH", path, body)

    def delete(self, path: str, propagation: str | None = None, **options: Any) -> None:
        """Delete an object; it may be gone already."""
        body = {**options, **({"propagationPolicy": propagation} if propagation else {})}
        try:
            self.ask("DELETE", path, body)
        except RefusedError as refused:
            if refused.code != http.HTTPStatus.NOT_FOUND:
                raise

    def items(self, path: str, **query: str) -> list[Object]:
        found: list[Object] = self.get(path, **query)["items"]
        return found

    def ask(self, method: str, path: str, body: Object | None = None) -> Object:
        """Send a request, again while the API server is away."""
        limit = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                code, answer = self.once(method, path, body)
            except (OSError, http.client.HTTPException):
                if time.monotonic() > limit:
                    raise
                time.sleep(0.1)
                continue
            if code < http.HTTPStatus.BAD_REQUEST:
                found: Object = json.loads(answer)
                return found
            if code in (429, 500, 503) and time.monotonic() < limit:
                time.sleep(0.2)
                continue
            raise RefusedError(code, answer)

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def stream(self, path: str, **query: str) -> Iterator[Object]:
        """Read a watch line by line until it ends; ends quietly when the connection does."""
        connection = self._connect(timeout=300)
        response: http.client.HTTPResponse | None = None
        try:
            connection.request("GET", f"{path}?{urlencode({**query, 'watch': 'true'})}")
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                raise RefusedError(response.status, response.read().decode())
            while line := response.readline():
                yield json.loads(line)
        except (OSError, http.client.HTTPException, ValueError):
            return
        finally:
            if response is not None:
                response.close()
            connection.close()

    def once(self, method: str, path: str, body: Object | None = None) -> tuple[int, str]:
        """Send a request and give the answer's code and text, whatever it is."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect(timeout=30)
        kind = MERGE if method == "PATCH" else "application/json"
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            connection.close()
            self._local.connection = None
            raise

    def _connect(self, timeout: float) -> http.client.HTTPSConnection:
        address = urlsplit(self.server)
        return http.client.HTTPSConnection(str(address.hostname), address.port, context=self._tls, timeout=timeout)


def simulationjobs(namespace: str, name: str = "") -> str:
    return _path("/apis/simjob.dev/v1beta1", namespace, "simulationjobs", name)


def jobs(namespace: str, name: str = "") -> str:
    return _path("/apis/batch/v1", namespace, "jobs", name)


def pods(namespace: str, name: str = "") -> str:
    return _path("/api/v1", namespace, "pods", name)


def core(namespace: str, plural: str, name: str = "") -> str:
    return _path("/api/v1", namespace, plural, name)


def events(namespace: str) -> str:
    return _path("/apis/events.k8s.io/v1", namespace, "events", "")


def _path(root: str, namespace: str, plural: str, name: str) -> str:
    return f"{root}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")
