"""Everything that ever happened to a kind of object in a namespace, in the order of resourceVersions.

Since https://kep.k8s.io/5504 these can be compared, also between kinds: what is said of two objects at one version is
said of one moment.
"""

import threading
import time
from dataclasses import dataclass

from integration.support.client import Client, Object, RefusedError


@dataclass(frozen=True, slots=True)
class Seen:
    """A version of an object; `gone` is its last. `earlier`: it was there before the watch began."""

    version: int
    object: Object
    gone: bool
    earlier: bool = False

    @property
    def uid(self) -> str:
        return str(self.object["metadata"]["uid"])

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    @property
    def phase(self) -> str:
        return str(self.object.get("status", {}).get("phase", ""))


class Watcher:
    """Watches one path from the moment it is made until `stop`."""

    def __init__(self, client: Client, path: str) -> None:
        self.path = path
        self.history: list[Seen] = []
        self._client = client
        self._known: dict[str, Seen] = {}
        self._version = ""
        self._over = threading.Event()
        self._list(earlier=True)
        self._thread = threading.Thread(target=self._run, name=path, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop recording; the thread ends with its connection, at the latest when the process does."""
        self._over.set()

    def settle(self, seconds: float = 20) -> None:
        """Wait until everything that is now stored has been recorded."""
        found = self._client.get(self.path)
        now = int(found["metadata"]["resourceVersion"])
        stored = {item["metadata"]["uid"]: item for item in found["items"]}
        limit = time.monotonic() + seconds
        while not self._has(stored, now):
            assert time.monotonic() < limit, f"the watch of {self.path} is behind"
            time.sleep(0.05)

    def live(self) -> list[Seen]:
        """Give the newest version of each object that is there."""
        return list(self._known.copy().values())

    def of(self, uid: str) -> list[Seen]:
        """Give all versions of one object."""
        return [seen for seen in self.history.copy() if seen.uid == uid]

    def _has(self, stored: dict[str, Object], now: int) -> bool:
        known = self._known.copy()
        gone = {seen.uid for seen in self.history.copy() if seen.gone}
        there = {uid: item for uid, item in stored.items() if uid not in gone}
        behind = [uid for uid, item in there.items() if uid not in known or known[uid].version < _version(item)]
        left = [uid for uid, seen in known.items() if uid not in stored and seen.version <= now]
        return not behind and not left

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                self._follow()
                time.sleep(0.05)
                if not self._version:
                    self._list()
        finally:
            self._client.close()

    def _follow(self) -> None:
        """Record changes until the watch ends; without a version if it cannot be resumed."""
        try:
            self._watch()
        except RefusedError:
            self._version = ""

    def _watch(self) -> None:
        query = {"resourceVersion": self._version, "allowWatchBookmarks": "true", "timeoutSeconds": "290"}
        for event in self._client.stream(self.path, **query):
            if self._over.is_set():
                return
            if event["type"] == "ERROR":
                self._version = ""
                return
            self._version = event["object"]["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK":
                self._record(event["object"], gone=event["type"] == "DELETED")

    def _list(self, *, earlier: bool = False) -> None:
        """List again; what went while nobody looked has its end dated by the list."""
        found = self._client.get(self.path)
        self._version = found["metadata"]["resourceVersion"]
        there = {item["metadata"]["uid"] for item in found["items"]}
        for item in found["items"]:
            known = self._known.get(item["metadata"]["uid"])
            if known is None or known.version < _version(item):
                self._record(item, gone=False, earlier=earlier)
        for seen in self.live():
            if seen.uid not in there:
                last = {**seen.object, "metadata": {**seen.object["metadata"], "resourceVersion": self._version}}
                self._record(last, gone=True)

    def _record(self, item: Object, *, gone: bool, earlier: bool = False) -> None:
        seen = Seen(version=_version(item), object=item, gone=gone, earlier=earlier)
        self.history.append(seen)
        if gone:
            self._known.pop(seen.uid, None)
        else:
            self._known[seen.uid] = seen


def _version(item: Object) -> int:
    return int(item["metadata"]["resourceVersion"])
