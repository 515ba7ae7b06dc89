"""Programs from a download site, which a server of this test plays."""

import hashlib
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest
from cluster import versions
from cluster.errors import ClusterError
from cluster.host import binaries, download, gobuild, kubernetesmodule
from cluster.host.download import NoSiteError, Patience, Site, UnusableFileError
from cluster.report import Report

VERSION = versions.pinned()
OTHER = next(version for version in versions.PATCHES.values() if version != VERSION)
SHORT = Patience(answer_seconds=0.5, window_seconds=0.5, least_bytes_per_second=1000)
Answer = Callable[[BaseHTTPRequestHandler], None]


def program(says: str = f"Kubernetes {VERSION}") -> bytes:
    return f"#!/bin/sh\necho {says}\n".encode()


@dataclass
class Played:
    """What the site answers: the file's content, or what a function does."""

    base: str
    files: dict[str, bytes | Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def publish(self, name: str, content: bytes | Answer, checksum: str | None = None, version: str = VERSION) -> None:
        folder = f"/{version}/bin/linux/{download.architecture()}"
        published = checksum or hashlib.sha256(program(f"Kubernetes {version}")).hexdigest()
        self.files[f"{folder}/{name}"] = content
        self.files[f"{folder}/{name}.sha256"] = published.encode()


def send(handler: BaseHTTPRequestHandler, content: bytes, length: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    handler.wfile.write(content)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path.rpartition("/")[2])
            match site.files.get(self.path):
                case None:
                    self.send_error(404)
                case bytes() as content:
                    send(self, content)
                case answer:
                    answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        site = Played(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield site
        server.shutdown()


def fetch(played: Played, folder: Path, patience: Patience = SHORT) -> list[str]:
    shown: list[str] = []
    Site(played.base, VERSION, patience).fetch("kubelet", folder, shown.append)
    return shown


def test_a_program_with_its_published_checksum_is_kept_and_can_run(played: Played, tmp_path: Path) -> None:
    played.publish("kubelet", program())
    shown = fetch(played, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kubelet"]
    assert (tmp_path / "kubelet").stat().st_mode & 0o777 == 0o755
    assert shown[-1] == "100 % of 0 MB"


def test_a_download_shows_its_percent(played: Played, tmp_path: Path) -> None:
    content = program() + b"#" * 3_000_000
    played.publish("kubelet", content, hashlib.sha256(content).hexdigest())
    percents = [int(text.split()[0]) for text in fetch(played, tmp_path)]
    assert percents == sorted(percents)
    assert percents[0] < percents[-1] == 100


def cut(handler: BaseHTTPRequestHandler) -> None:
    send(handler, program(), length=len(program()) + 1)


def unsized(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection in the middle of a chunk."""
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"ff\r\n#!/bin/sh")
    handler.close_connection = True


def runs_nothing(tmp_path: Path) -> bytes:
    return f"#!/bin/sh\ntouch {tmp_path}/ran\necho Kubernetes {VERSION}\n".encode()


@pytest.mark.parametrize(
    ("content", "checksum", "says"),
    [
        pytest.param(cut, None, "was cut after 34 of 35 bytes", id="a download that is cut"),
        pytest.param(unsized, None, "was cut after", id="a download without a size that is cut"),
        pytest.param(b"other", None, "is published: it is not used", id="a wrong checksum"),
        pytest.param(b"other", "<html>Log in</html>", "has no SHA-256 checksum of kubelet, but '<html>", id="a page"),
        pytest.param(b"other", hashlib.sha256(b"other").hexdigest(), "does not run here", id="another architecture"),
        pytest.param(
            program("Kubernetes v1.2.0"),
            hashlib.sha256(program("Kubernetes v1.2.0")).hexdigest(),
            f"does not run here as {VERSION}: 'Kubernetes v1.2.0'",
            id="another version",
        ),
    ],
)
def test_a_file_that_is_not_the_published_program_is_deleted(
    played: Played, tmp_path: Path, content: bytes | Answer, checksum: str | None, says: str
) -> None:
    played.publish("kubelet", content, checksum)
    with pytest.raises(UnusableFileError, match=says):
        fetch(played, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_is_not_published_says_404(played: Played, tmp_path: Path) -> None:
    with pytest.raises(UnusableFileError, match=r"kubelet\.sha256 answers 404"):
        fetch(played, tmp_path)


def test_a_program_with_a_wrong_checksum_is_never_run(played: Played, tmp_path: Path) -> None:
    played.publish("kubelet", runs_nothing(tmp_path))
    with pytest.raises(UnusableFileError, match="checksum"):
        fetch(played, tmp_path / "folder")
    assert not (tmp_path / "ran").exists()


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1)


def stalling(handler: BaseHTTPRequestHandler) -> None:
    send(handler, b"#", length=1000)
    time.sleep(1)


def trickling(handler: BaseHTTPRequestHandler) -> None:
    send(handler, b"#", length=1000)
    for _ in range(20):
        handler.wfile.write(b"#")
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(silent, "does not answer within", id="a site that sends nothing"),
        pytest.param(stalling, "sent nothing for", id="stalling"),
        pytest.param(trickling, "and building is faster", id="a site that sends little"),
        pytest.param(lambda handler: handler.send_error(503), "answers 503", id="overloaded"),
    ],
)
def test_a_site_that_is_slow_or_broken_is_given_up(played: Played, tmp_path: Path, content: Answer, says: str) -> None:
    played.publish("kubelet", content)
    began = time.monotonic()
    with pytest.raises(NoSiteError, match=says):
        fetch(played, tmp_path)
    assert time.monotonic() - began < 1.5
    assert list(tmp_path.iterdir()) == []


def test_a_site_that_nobody_serves_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NoSiteError, match=f"http://127.0.0.1:{port} cannot be reached: .*refused"):
        fetch(Played(f"http://127.0.0.1:{port}"), tmp_path)


def test_a_connection_that_nobody_accepts_is_given_up_after_three_seconds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        with pytest.raises(NoSiteError, match="does not answer within 3 s"):
            fetch(Played(f"http://127.0.0.1:{server.getsockname()[1]}"), tmp_path, Patience())
    assert 2.5 < time.monotonic() - began < 4


def test_a_name_that_dns_does_not_know_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(NoSiteError, match=r"cannot be reached|does not answer"):
        fetch(Played("https://site.invalid"), tmp_path, Patience())


def test_a_silent_dns_server_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def search(*_: object, **__: object) -> None:
        time.sleep(1)
        raise socket.gaierror("timed out")

    monkeypatch.setattr(socket, "getaddrinfo", search)
    began = time.monotonic()
    with pytest.raises(NoSiteError, match="does not answer"):
        fetch(Played("https://site.invalid"), tmp_path)
    assert time.monotonic() - began < 0.9


def test_redirects_are_followed(played: Played, tmp_path: Path) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/elsewhere")
        handler.end_headers()

    played.publish("kubelet", redirect)
    played.files["/elsewhere"] = program()
    fetch(played, tmp_path)
    assert (tmp_path / "kubelet").read_bytes() == program()


def test_a_redirect_that_leaves_tls_is_refused() -> None:
    request = urllib.request.Request("https://site/kubelet")
    with pytest.raises(urllib.error.URLError, match="http://other/kubelet, without TLS"):
        download._KeepTls().redirect_request(request, BytesIO(), 302, "Found", HTTPMessage(), "http://other/kubelet")


@pytest.mark.parametrize("base", ["http://dl.k8s.io", "dl.k8s.io", "ftp://dl.k8s.io", "file:///etc"])
def test_an_address_without_tls_is_refused(base: str) -> None:
    with pytest.raises(ClusterError, match="KUBERNETES_SITE must be an address that begins with https://"):
        download.site_from_environment(VERSION, {"KUBERNETES_SITE": base})


def test_the_official_site_is_the_default_and_can_be_switched_off() -> None:
    site = download.site_from_environment(VERSION, {"KUBERNETES_SITE": ""})
    assert site == Site("https://dl.k8s.io/release", VERSION)
    assert download.site_from_environment(VERSION, {"KUBERNETES_SITE": "none"}) is None


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A cache of its own, and a build that writes files; the list is of what it built."""
    names: list[str] = []

    def build(self: gobuild.Build, _: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in self.packages:
            (self.folder / name).write_text("built")
            names.append(name)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(gobuild.Build, "run", build)
    return names


WANTED = ("etcd", "kube-apiserver", "kubelet")


def test_what_the_site_has_is_downloaded_and_the_rest_is_built(
    played: Played, built: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBERNETES_SITE", played.base)
    played.publish("kube-apiserver", program())
    played.publish("kubelet", b"tampered with")
    programs = binaries.provide(WANTED, Report(), VERSION)
    assert built == ["etcd", "kubelet"]
    assert programs.path("kube-apiserver").read_bytes() == program()
    assert programs.path("kubelet").read_text() == "built"
    said = capsys.readouterr().out
    assert "is published: it is not used; it is built from source" in said
    assert "downloaded kube-apiserver (1 of 2), with the checksum that is published" in said


def test_a_cached_program_is_not_requested_again(
    played: Played, built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SITE", played.base)
    played.publish("kube-apiserver", program())
    first = binaries.provide(WANTED, Report(quiet=True), VERSION)
    asked, before = list(played.asked), list(built)
    assert binaries.provide(WANTED, Report(quiet=True), VERSION) == first
    assert (played.asked, built) == (asked, before)


def test_the_cache_says_where_a_program_came_from(
    played: Played, built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SITE", played.base)
    played.publish("kube-apiserver", program())
    downloaded = binaries.provide(WANTED, Report(quiet=True), VERSION)
    assert downloaded.path("kube-apiserver").parent.name == "bin-from-" + played.base.replace(":", "%3A").replace(
        "/", "%2F"
    )
    assert downloaded.path("kubelet").parent.name == "bin"
    monkeypatch.setenv("KUBERNETES_SITE", "none")
    assert binaries.provide(WANTED, Report(quiet=True), VERSION).path("kube-apiserver").read_text() == "built"


def test_a_site_that_fails_is_asked_once_and_all_is_built(
    played: Played, built: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBERNETES_SITE", played.base)
    played.publish("kube-apiserver", lambda handler: handler.send_error(503))
    played.publish("kubelet", program())
    binaries.provide(WANTED, Report(), VERSION)
    assert built == list(WANTED)
    assert "kubelet" not in "".join(played.asked)
    assert "answers 503 Service Unavailable; built from source: kube-apiserver, kubelet" in capsys.readouterr().out


def test_each_version_is_downloaded_into_a_folder_of_its_own(
    played: Played, built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SITE", played.base)
    for version in (VERSION, OTHER):
        played.publish("kube-apiserver", program(f"Kubernetes {version}"), version=version)
    paths = [
        binaries.provide(("kube-apiserver",), Report(quiet=True), version).path("kube-apiserver")
        for version in (VERSION, OTHER)
    ]
    assert [path.read_bytes() for path in paths] == [program(f"Kubernetes {version}") for version in (VERSION, OTHER)]
    assert f"kubernetes-{OTHER}" in paths[1].parts
    assert built == []


def test_another_version_is_built_from_a_module_of_its_own_and_the_rest_from_the_pinned_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds: list[tuple[Path, list[str], str, str]] = []

    def build(self: gobuild.Build, ldflags: str) -> None:
        builds.append((self.module, list(self.packages), self.flags, ldflags))

    def write(version: str, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "go.mod").write_text(f"// {version}\n\ngo 1.24.0\n")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SITE", "none")
    monkeypatch.setattr(gobuild.Build, "run", build)
    monkeypatch.setattr(kubernetesmodule, "write", write)
    programs = binaries.provide(("etcd", "kube-apiserver"), Report(quiet=True), OTHER)
    module = tmp_path / "simjob" / f"kubernetes-{OTHER}" / "module"
    assert builds == [
        (versions.MODULE, ["etcd"], "", binaries.version_flags(VERSION)),
        (module, ["kube-apiserver"], "-mod=mod", binaries.version_flags(OTHER)),
    ]
    assert programs.path("etcd").parent == programs.folder / "bin"
    assert programs.path("kube-apiserver").parent == module.parent / "bin"
