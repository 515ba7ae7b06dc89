"""How a kubelet fills in $(NAME), as a model on bytes: kubernetes/kubernetes:third_party/forked/golang/expansion.

tests/e2e/sweeps/test_values.py holds it against a real one.
"""

from collections.abc import Iterable, Mapping
from typing import Any


def expand(text: bytes, variables: Mapping[bytes, bytes]) -> bytes:
    """Return a text with its references filled in; one to no variable stays."""
    found, at = b"", 0
    while at < len(text):
        piece, at = _next(text, at, variables)
        found += piece
    return found


def _next(text: bytes, at: int, variables: Mapping[bytes, bytes]) -> tuple[bytes, int]:
    follower = text[at + 1 : at + 2]
    if text[at : at + 1] != b"$" or not follower:
        return text[at : at + 1], at + 1
    if follower == b"$":
        return b"$", at + 2
    if follower == b"(":
        end = text.find(b")", at)
        if end < 0:
            return b"$(", at + 2
        name = text[at + 2 : end]
        return variables.get(name, b"$(" + name + b")"), end + 1
    # The source treats a byte as a character. Not compared with a real kubelet beyond ASCII: our dollars are doubled.
    return b"$" + chr(follower[0]).encode(), at + 2


def environment(listed: Iterable[Mapping[str, Any]]) -> dict[bytes, bytes]:
    """Return the variables of a process from a container's `env`: each may refer to those before it."""
    found: dict[bytes, bytes] = {}
    for variable in listed:
        found[variable["name"].encode()] = expand(variable.get("value", "").encode(), found)
    return found
