"""What a login shell and /bin/sh tell of a host without Python: the scripts, and what their answers mean. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from runicorn.errors import StartError
from runicorn.remote.server import probe
from runicorn.remote.server.paths import shell_word


@dataclass(frozen=True)
class ShellFacts:
    """shell: the login shell's path. clock: unix seconds there. ssh_port: where its SSH server says it listens, if it
    does. noise_bytes: what start files printed. noise: the beginning of that."""

    shell: str
    clock: int
    ssh_port: int | None
    noise_bytes: int
    noise: str


@dataclass(frozen=True)
class RootFacts:
    """A folder there. problem: why it cannot be used, or None. runs: how many. free_bytes: None where not told."""

    path: str
    problem: str | None
    runs: int
    free_bytes: int | None


def shell_script(begin: str, end: str) -> bytes:
    return (
        f"printf '%s\\n%s\\n%s\\n%s\\n%s\\n' {shlex.quote(begin)} "
        f'"${{SHELL:-unknown}}" "$(date +%s)" "${{SSH_CONNECTION##* }}" {shlex.quote(end)}\n'
    ).encode()


def parse_shell(stdout: bytes, stderr: bytes, exit_status: int, begin: str, end: str) -> ShellFacts:
    """Raises LoginShellRefusedError, or StartError if the answer makes no sense."""
    text, said = stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace")
    before, answer, after = _between(text, begin, end) or (text, None, "")
    if answer is None:
        raise probe.no_answer(text, said, exit_status)
    try:
        shell, clock, port = answer
        noise = "\n".join(part for part in (before.rstrip("\n"), after.lstrip("\n"), said) if part.strip())
        printed = len(stdout) - len("\n".join([begin, *answer, end, ""]).encode()) + len(stderr)
        return ShellFacts(shell, int(clock), int(port) if port.isdigit() else None, max(0, printed), noise)
    except ValueError as error:
        raise StartError(f"The server's shell gave an answer that makes no sense: {error}.") from error


def root_script(root: str, begin: str, end: str) -> bytes:
    """Return the script that looks at a storage root and changes nothing."""
    return (
        f"root={shell_word(root)}\n"
        'case "$root" in "~") root=$HOME;; "~/"*) root=$HOME/${root#??};; esac\n'
        f"printf '%s\\n%s\\n' {shlex.quote(begin)} \"$root\"\n"
        # What lies below a folder that may not be entered does not seem to be there.
        "near=$root\n"
        'while [ ! -e "$near" ] && [ "$near" != / ] && [ "$near" != . ]; do near=$(dirname -- "$near"); done\n'
        'if [ ! -e "$root" ] && [ -d "$near" ] && [ ! -x "$near" ]; then echo unreadable\n'
        'elif [ ! -e "$root" ]; then echo missing\n'
        'elif [ ! -d "$root" ]; then echo nofolder\n'
        'elif [ ! -r "$root" ] || [ ! -x "$root" ]; then echo unreadable\n'
        "else echo ok; fi\n"
        'ls "$root/runs" 2>/dev/null | grep -c .\n'
        "df -Pk \"$root\" 2>/dev/null | awk 'NR == 2 { print $4 }'\n"
        f"printf '%s\\n' {shlex.quote(end)}\n"
    ).encode("utf-8", "surrogateescape")


def parse_root(stdout: bytes, begin: str, end: str) -> RootFacts:
    """Raises StartError if the answer makes no sense."""
    found = _between(stdout.decode("utf-8", "replace"), begin, end)
    if found is None or len(found[1]) < 2:
        raise StartError("The server did not answer the question about the storage root.")
    path, state, *numbers = found[1]
    counts = [int(number) for number in numbers if number.isdigit()]
    problem = {
        "ok": None,
        "missing": "does not exist on the server",
        "nofolder": "is not a folder on the server",
    }.get(state, "cannot be read by this user")
    return RootFacts(path, problem, counts[0] if counts else 0, counts[1] * 1024 if len(counts) > 1 else None)


def _between(text: str, begin: str, end: str) -> tuple[str, list[str], str] | None:
    """Return what stands before, the lines between, and what stands after the two marker lines."""
    before, found_begin, rest = text.rpartition(f"{begin}\n")
    answer, found_end, after = rest.partition(f"{end}\n")
    return (before, answer.splitlines(), after) if found_begin and found_end else None
