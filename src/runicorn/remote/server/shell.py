"""How a script reaches the server's /bin/sh, whatever the login shell in between is. Pure."""

from __future__ import annotations

import re

# `exec` is a builtin of bash, dash, zsh, fish and tcsh alike, and /bin/sh is everywhere: from here on the login
# shell's own syntax does not matter.
_SHELL = "/bin/sh"
SHELL_COMMAND = f"exec {_SHELL}"

# The real csh takes words of at most 1,024 characters.
MAX_COMMAND_CHARS = 1000

# In single quotes every login shell leaves these alone, and a backslash before a digit as well.
_UNSAFE = re.compile(rb"[^A-Za-z0-9/._,:=+@ -]")


def deliver(script: bytes, within: str = "") -> tuple[str, bytes]:
    """Return the command that runs this script, and what to send to its standard input.

    within: what runs the words behind it somewhere else, and hands its input on.

    A short script goes within the command: sshd gives a session no window for input before the command was started
    (CHAN_SES_WINDOW in its session.c), so what comes by standard input costs one more round trip.
    """
    encoded = _UNSAFE.sub(lambda found: b"\\%04o" % ord(found[0]), script).decode()
    shell = f"exec {within} {_SHELL}" if within else SHELL_COMMAND
    command = f'{shell} -c \'eval "$(printf %b "{encoded}")"\''
    return (command, b"") if len(command) <= MAX_COMMAND_CHARS else (shell, script)
