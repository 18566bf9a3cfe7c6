"""A folder of the server as a person types it, as one word of /bin/sh: `~user` and `$NAME` at its beginning mean there
what they mean in a shell, and nothing else means anything. Pure.
"""

from __future__ import annotations

import re
import shlex

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))(?=/|\Z)")
_USER = re.compile(r"(~[A-Za-z_][A-Za-z0-9._-]*)(?:/|\Z)")


def means_more(path: str) -> bool:
    """Whether the server's shell has to be asked what a path is."""
    return shell_word(path) != shlex.quote(path)


def shell_word(path: str) -> str:
    """Return the word. A variable that is not set there, and a user that is not there, stay as they were typed."""
    variable = _VARIABLE.match(path)
    if variable:
        name = variable[1] or variable[2]
        return f'"${{{name}-\\${name}}}"{shlex.quote(path[variable.end() :]) if path[variable.end() :] else ""}'
    user = _USER.match(path)
    if user:
        # The slash stays outside the quotes: what is quoted before it, no shell expands.
        rest = path[user.end() :]
        return user[0] + (shlex.quote(rest) if rest else "")
    return shlex.quote(path)
