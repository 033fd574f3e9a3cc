"""Argo CD's health of an object, as Argo CD works it out: a Lua script, and nothing to help it but a few functions.

Source: argoproj/argo-cd v3.6.1, ``util/lua/lua.go``: Lua 5.1 with the libraries base, package and table, and of os only
``time`` and ``date``; the object is the global ``obj``, the answer a table with ``status`` and ``message``.
"""

from pathlib import Path
from typing import Any, NamedTuple

from lupa import lua51

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPT = (EXAMPLES / "argocd" / "health.lua").read_text()
WORDS = ("Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown")

SANDBOX = """
getmetatable("").__index = nil
for _, name in ipairs({"string", "math", "io", "debug", "coroutine", "jit", "bit", "python"}) do
  _G[name], package.loaded[name] = nil, nil
end
os = {time = os.time, date = os.date}
package.loaded.os = os
"""


class Health(NamedTuple):
    """What Argo CD shows."""

    status: str
    message: str


def health(body: Any, script: str = SCRIPT) -> Health:
    """The health of an object."""
    lua = lua51.LuaRuntime(register_eval=False, register_builtins=False)
    lua.execute(SANDBOX)
    lua.globals().obj = lua.table_from(body, recursive=True)
    found = lua.execute(script)
    assert lua51.lua_type(found) == "table", f"expect table output from Lua script, not {lua51.lua_type(found)}"
    assert found.status in WORDS, found.status
    return Health(found.status, found.message)
