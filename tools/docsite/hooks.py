"""mkdocs hooks: what pages link to outside docs/, and each manifest, becomes a page: no link leaves the site."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
# Where the site has the files of the repository.
PLACE: Final = "repository"
_LINK: Final = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)(?=#|\))")
_CODE: Final = re.compile(r"(^```.*?^```$|`[^`\n]*`)", re.MULTILINE | re.DOTALL)
# Longer than any fence in a file that is shown.
_FENCE: Final = "`" * 6


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file outside docs/ that a page links to, directly or by such a page."""
    wanted = {target for page in sorted(DOCS.rglob("*.md")) for target in _outside(page)}
    shown: set[Path] = set()
    while wanted:
        path = wanted.pop()
        shown.add(path)
        files.append(File.generated(config, _uri(path), content=_shown(path)))
        wanted |= set(_outside(path)) - shown
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to where the site has the file, and let details hold Markdown, as on GitHub."""
    uri = page.file.src_uri
    text = markdown.replace("<details>", '<details markdown="1">')
    if uri.startswith(PLACE):
        return text
    return _rewritten(text, DOCS / uri, uri)


def _shown(path: Path) -> str:
    """Return a page that shows a file of the repository, out of the way of the search."""
    name, uri = path.relative_to(ROOT), _uri(path)
    if path.suffix == ".md":
        return _rewritten(path.read_text(), path, uri)
    head = f"---\nsearch: {{exclude: true}}\n---\n# `{name}`\n\n"
    if path.is_dir():
        return _rewritten(head + "".join(f"* [{each.name}]({each.name})\n" for each in _entries(path)), path / ".", uri)
    language = {".py": "python", ".yaml": "yaml", ".sh": "sh"}.get(path.suffix, "text")
    return f"{head}{_FENCE}{language}\n{path.read_text()}\n{_FENCE}\n"


def _entries(folder: Path) -> Iterator[Path]:
    return (each for each in sorted(folder.iterdir()) if each.is_file() and not each.name.startswith("."))


def _outside(page: Path) -> Iterator[Path]:
    """List the files to which a page links and which are no pages themselves: outside docs/, and manifests in it."""
    if page.is_dir():
        yield from _entries(page)
    if page.suffix != ".md":
        return
    for text in _CODE.split(page.read_text())[::2]:
        for link in _LINK.findall(text):
            target = (page.parent / link).resolve()
            if target.exists() and not _is_in_site(target):
                yield target


def _rewritten(text: str, page: Path, uri: str) -> str:
    """Replace the links of a page of the repository by those of its place in the site."""
    folder = page if page.is_dir() else page.parent

    def moved(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(folder / link[1]))
        if not target.exists():
            return link[1]
        return os.path.relpath(_uri(target), os.path.dirname(uri))

    parts = _CODE.split(text)
    parts[::2] = [_LINK.sub(moved, part) for part in parts[::2]]
    return "".join(parts)


def _uri(path: Path) -> str:
    """Return the name by which the site knows a file of the repository."""
    if _is_in_site(path):
        return path.relative_to(DOCS).as_posix()
    name = path.relative_to(ROOT).as_posix()
    if path.is_dir():
        return f"{PLACE}/{name}/index.md"
    return f"{PLACE}/{name}" if path.suffix == ".md" else f"{PLACE}/{name}.md"


def _is_in_site(path: Path) -> bool:
    """Return whether the browser shows a file as mkdocs puts it into the site; a manifest it would download."""
    return path.is_relative_to(DOCS) and path.suffix != ".yaml"
