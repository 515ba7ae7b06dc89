"""The browser that opens the site: Debian's Chromium, driven by Playwright."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cluster.host import packages
from playwright.sync_api import Browser, sync_playwright

PACKAGE: Final = "chromium"
MISSING: Final = "Chromium is missing: `sudo make browser` installs it on Debian; elsewhere install your distribution's"
# Chromium otherwise asks hosts of its vendor at each start.
_QUIET: Final = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-gpu"]


def path() -> str | None:
    """Return where Chromium is, if it is installed."""
    return shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def started() -> Iterator[Browser]:
    """Run Chromium without a window; it ends with the block."""
    program = path()
    if program is None:
        raise FileNotFoundError(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_QUIET)
        yield browser
        browser.close()


def main() -> int:
    """Install Chromium if it is missing and this may be done; return 1 if it is still missing."""
    if path() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing the Debian package {PACKAGE}", flush=True)
        packages.install([PACKAGE])
    if path() is None:
        print(f"error: {MISSING}", file=sys.stderr)
    return 0 if path() else 1


if __name__ == "__main__":
    sys.exit(main())
