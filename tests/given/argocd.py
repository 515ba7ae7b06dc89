"""Runs the Lua of manifests/gitops/argocd as Argo CD does.

https://argo-cd.readthedocs.io/en/stable/operator-manual/health/#custom-health-checks: Lua 5.1 with the basic functions
and `table`. A script that uses any other library fails here, as it does there.
"""

from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import yaml
from lupa.lua51 import LuaError, LuaRuntime

CONFIG_MAP: Final = Path(__file__).parents[2] / "manifests/gitops/argocd/argocd-cm.yaml"
_HEALTH: Final = "resource.customizations.health.simjob.dev_SimulationJob"
_ACTIONS: Final = "resource.customizations.actions.simjob.dev_SimulationJob"
# As strings have the methods of `string`, their metatable has to go, too.
_LEFT_OUT: Final = (
    'getmetatable("").__index = nil; string, math, io, os, debug, coroutine = nil, nil, nil, nil, nil, nil'
)

Object = dict[str, Any]
ScriptError = LuaError


def health(item: Object) -> tuple[str, str]:
    """Return the health of a SimulationJob, and its message."""
    found = run(_config()[_HEALTH], item)
    return found["status"], found["message"]


def actions(item: Object) -> dict[str, Object]:
    """Return the actions that are offered for a SimulationJob, by name."""
    found: dict[str, Object] = run(_declared()["discovery.lua"], item)
    return found


def act(action: str, item: Object, **parameters: str) -> Object:
    """Return the SimulationJob as an action changes it."""
    (script,) = [each["action.lua"] for each in _declared()["definitions"] if each["name"] == action]
    found: Object = run(script, item, actionParams=parameters)
    return found


def defined() -> set[str]:
    """Return the names of the actions that have a script."""
    return {str(each["name"]) for each in _declared()["definitions"]}


@cache
def _config() -> dict[str, str]:
    data: dict[str, str] = yaml.safe_load(CONFIG_MAP.read_text())["data"]
    return data


@cache
def _declared() -> Object:
    found: Object = yaml.safe_load(_config()[_ACTIONS])
    return found


def run(script: str, item: Object, **variables: Any) -> Any:
    """Run a script with a SimulationJob as `obj`; ScriptError if it fails."""
    lua = LuaRuntime(unpack_returned_tuples=True)
    lua.execute(_LEFT_OUT)
    for name, value in {"obj": item, **variables}.items():
        lua.globals()[name] = _to_lua(lua, value)
    return _from_lua(lua.execute(script), item)


def _to_lua(lua: LuaRuntime, value: Any) -> Any:
    if isinstance(value, dict):
        return lua.table_from({key: _to_lua(lua, each) for key, each in value.items()})
    if isinstance(value, list):
        return lua.table_from([_to_lua(lua, each) for each in value])
    return value


def _from_lua(value: Any, before: Any) -> Any:
    """Convert a table. An empty one may be a list or an object: it stays what it was before, as in Argo CD."""
    if not hasattr(value, "items"):
        return value
    content = dict(value.items())
    if not content:
        return [] if before == [] else {}
    if list(content) == list(range(1, len(content) + 1)):
        earlier = before if isinstance(before, list) else []
        return [_from_lua(each, old) for each, old in zip_longest(content.values(), earlier[: len(content)])]
    known = before if isinstance(before, dict) else {}
    return {key: _from_lua(each, known.get(key)) for key, each in content.items()}
