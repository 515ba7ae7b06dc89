"""A real HTTPS admission webhook inside the test process, for one namespace.

The API server of a test cluster runs on this machine, also in the cluster with a real node, so it reaches 127.0.0.1.
"""

import base64
import http.server
import json
import secrets
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

from cluster.control.pki import Authority
from integration.support.client import Client, Object, RefusedError, core
from integration.support.sweeps import eventually
from integration.worlds.answers import Answer, allow

GROUP = "/apis/admissionregistration.k8s.io/v1"
HOST = "127.0.0.1"
PODS: Object = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}
JOBS: Object = {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["jobs"], "operations": ["CREATE"]}
STATUS: Object = {
    "apiGroups": ["simjob.dev"],
    "apiVersions": ["*"],
    "resources": ["simulationjobs/status"],
    "operations": ["UPDATE"],
}
# Creating it shows whether the configuration is in force. It is never stored.
PROBE = "webhook-probe"


class Webhook:
    """A webhook that is in force. Its `answer` may be replaced at any time."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        authority = Authority(folder)
        authority.create()
        self.authority = base64.b64encode(authority.certificate.read_bytes()).decode()
        self.answer = answer
        self.requests: list[Object] = []
        self.probes = 0
        pair = authority.server("webhook", (HOST,))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(pair.certificate, pair.key)
        self._server = self._listen(0)
        self.port: int = self._server.server_address[1]

    @property
    def calls(self) -> int:
        """How often the API server has asked, its attempts while the webhook was away not counted."""
        return len(self.requests)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Refuse connections for a while, as a webhook without a running pod does."""
        self.close()
        try:
            yield
        finally:
            self._server = self._listen(self.port)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def judge(self, path: str, request: Object) -> Answer:
        """Note a request and say how to treat it."""
        if path == f"/{PROBE}":
            self.probes += 1
            return allow()
        self.requests.append(request)
        return self.answer

    def _listen(self, port: int) -> http.server.ThreadingHTTPServer:
        server = _Server((HOST, port), _Handler)
        server.webhook = self
        # The handshake is left to the request's own thread: a client that says nothing holds up nobody.
        server.socket = self._tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.05,), name="webhook", daemon=True).start()
        return server


class _Server(http.server.ThreadingHTTPServer):
    webhook: Webhook
    request_queue_size = 256
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that gave up."""


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers one AdmissionReview and closes the connection, so that each call is a connection of its own."""

    server: _Server

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.server.webhook.judge(self.path.partition("?")[0], review["request"])
        time.sleep(answer.after_seconds)
        if answer.hangs_up:
            return
        if answer.http_status != HTTPStatus.OK:
            self.send_error(answer.http_status)
            return
        review["response"] = {"uid": review.pop("request")["uid"], **answer.response}
        content = json.dumps(review).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (http.server's own name)
        """Write nothing to the test's output."""


@contextmanager
def webhook(
    client: Client,
    namespace: str,
    answer: Answer,
    *,
    rules: tuple[Object, ...] = (PODS,),
    mutating: bool = False,
    failure_policy: str = "Fail",
    timeout_seconds: int = 10,
) -> Iterator[Webhook]:
    """Put a webhook in force for a namespace; afterwards the API server has forgotten it."""
    kind = "Mutating" if mutating else "Validating"
    path = f"{GROUP}/{kind.lower()}webhookconfigurations"
    name = f"{namespace}-{secrets.token_hex(3)}"
    with TemporaryDirectory() as folder:
        found = Webhook(Path(folder), answer)
        settings: Object = {"failurePolicy": failure_policy, "timeoutSeconds": timeout_seconds}
        hooks = [_hook(found, namespace, PROBE, (_probed(),)), _hook(found, namespace, "test", rules) | settings]
        body = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": f"{kind}WebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": hooks,
        }
        client.create(path, body)
        try:
            eventually(lambda: _is_called(client, namespace, found), lambda: f"{name} is not called")
            yield found
        finally:
            client.delete(f"{path}/{name}")
            eventually(lambda: not _is_called(client, namespace, found), lambda: f"{name} is still called")
            found.close()


def _probed() -> Object:
    return {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}


def _hook(found: Webhook, namespace: str, name: str, rules: tuple[Object, ...]) -> Object:
    hook: Object = {
        "name": f"{name}.simjob.example.org",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Ignore",
        "timeoutSeconds": 10,
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": list(rules),
        "clientConfig": {"url": f"https://{HOST}:{found.port}/{name}", "caBundle": found.authority},
    }
    if name == PROBE:
        hook["matchConditions"] = [{"name": "probe", "expression": f"object.metadata.name == '{PROBE}'"}]
    return hook


def _is_called(client: Client, namespace: str, found: Webhook) -> bool:
    """Create the probe without storing it; say whether the webhook was asked."""
    before = found.probes
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": PROBE}}
    try:
        client.create(f"{core(namespace, 'configmaps')}?dryRun=All", body)
    except RefusedError as refused:
        if refused.code != HTTPStatus.NOT_FOUND:
            raise
        return False  # The namespace is gone.
    return found.probes > before
