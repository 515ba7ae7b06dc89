"""The site, as `make docs` builds it, opened in Chromium: every link, every anchor, the search."""

import functools
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from docsite import browser
from docsite.__main__ import build
from playwright.sync_api import Browser

# What a page links to, and what can be linked to in it.
READ = """() => ({
    links: [...document.querySelectorAll("a[href]")].map(link => link.href),
    anchors: [...document.querySelectorAll("[id]")].map(element => element.id),
})"""
# In milliseconds; a machine that is busy with other tests takes long for a page.
TIMEOUT = 120_000
EXTERNAL = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?(/[^\s<>\"]*)?")


@dataclass(frozen=True, slots=True)
class Page:
    links: list[str]
    anchors: set[str]


class Server(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        pass


# One test, since to build the site and to start the browser takes longer than to look at all of it.
def test_every_link_has_a_target_and_every_page_can_be_reached_and_searched(tmp_path: Path) -> None:
    assert build(tmp_path)
    with served(tmp_path) as address, browser.started() as chromium:
        pages = read_all(chromium, address)
        assert dead_links(pages, address) == []
        there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.html")} - {"404.html"}
        assert there - {url.removeprefix(address) for url in pages} == set()
        external = {link for page in pages.values() for link in page.links if not link.startswith(address)}
        assert [link for link in sorted(external) if not EXTERNAL.fullmatch(link)] == []
        found, asked = search(chromium, address, "truncated")
        assert "results.html" in found
        assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def test_a_link_to_no_page_or_to_no_anchor_of_it_is_dead() -> None:
    links = ["http://x/b.html", "http://x/b.html#there", "http://x/b.html#gone", "http://x/gone.html", "https://y/gone"]
    pages = {"http://x/a.html": Page(links, set()), "http://x/b.html": Page([], {"there"})}
    assert dead_links(pages, "http://x/") == ["a.html: b.html#gone", "a.html: gone.html"]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Server, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def read_all(chromium: Browser, address: str) -> dict[str, Page]:
    """Open the first page, and every page to which one leads."""
    tab = chromium.new_context(java_script_enabled=False).new_page()
    tab.set_default_timeout(TIMEOUT)
    found: dict[str, Page] = {}
    tried: set[str] = set()
    wanted = {f"{address}index.html"}
    while wanted:
        url = wanted.pop()
        tried.add(url)
        if not url.endswith(".html"):
            # The browser would store such a file, and show nothing.
            if tab.request.get(url).ok:
                found[url] = Page([], set())
            continue
        answer = tab.goto(url, wait_until="domcontentloaded")
        if answer is None or not answer.ok:
            continue
        read = tab.evaluate(READ)
        found[url] = Page(read["links"], set(read["anchors"]))
        ours = {link.partition("#")[0] for link in read["links"] if link.startswith(address)}
        wanted |= ours - tried
    return found


def dead_links(pages: dict[str, Page], address: str) -> list[str]:
    """List the links that lead to no page, or to no anchor of it."""
    dead = []
    for url, page in pages.items():
        for link in page.links:
            target, _, anchor = link.partition("#")
            known = target in pages and (not anchor or anchor in pages[target].anchors)
            if link.startswith(address) and not known:
                dead.append(f"{url.removeprefix(address)}: {link.removeprefix(address)}")
    return dead


def search(chromium: Browser, address: str, word: str) -> tuple[set[str], list[str]]:
    """Type a word into the search; return the pages that it finds, and every address that the browser asked."""
    tab = chromium.new_context().new_page()
    tab.set_default_timeout(TIMEOUT)
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"{address}index.html")
    box = tab.locator("input.md-search__input")
    box.click()
    box.press_sequentially(word)
    tab.locator(".md-search-result__link").first.wait_for()
    links = tab.locator(".md-search-result__link").all()
    return {str(link.get_attribute("href")).removeprefix(address).partition("?")[0] for link in links}, asked
