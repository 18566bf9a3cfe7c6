"""What `~user` and `$NAME` at the beginning of a folder mean: as in the shell of the server, and nothing else does."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from runicorn.remote.server.paths import means_more, shell_word

ENVIRON = {"PATH": "/usr/bin:/bin", "HOME": "/home/me", "SCRATCH": "/scratch/my runs"}
SHELLS = [shell for shell in ("/bin/sh", "bash", "dash") if shutil.which(shell)]


def said(shell: str, path: str) -> str:
    script = f"printf '<%s>' {shell_word(path)}"
    return subprocess.run([shell, "-c", script], env=ENVIRON, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/data/a b", "/data/a b"),
        ("~", "~"),  # the viewer's own to expand, as before
        ("~/runs", "~/runs"),
        ("$HOME", "/home/me"),
        ("$HOME/a b/*", "/home/me/a b/*"),
        ("${SCRATCH}/x", "/scratch/my runs/x"),
        ("$SCRATCH", "/scratch/my runs"),
        ("$NO_SUCH/x", "$NO_SUCH/x"),
        ("~root", "/root"),
        ("~root/a b/'$HOME", "/root/a b/'$HOME"),
        ("~nobody-of-that-name/x", "~nobody-of-that-name/x"),
        ("/x/$HOME", "/x/$HOME"),
        ("$HOME; id", "$HOME; id"),
        ("$(id)/x", "$(id)/x"),
        ("${HOME:-`id`}/x", "${HOME:-`id`}/x"),
        ("~root$(id)/x", "~root$(id)/x"),
        ("$HOME\n/x", "$HOME\n/x"),
        ("~root\n", "~root\n"),
    ],
)
def test_a_path_is_one_word_that_means(shell: str, path: str, meant: str) -> None:
    assert said(shell, path) == f"<{meant}>"


def test_the_shell_is_asked_only_where_it_has_a_say() -> None:
    assert means_more("$HOME/x")
    assert means_more("~alice")
    assert not means_more("~/x")
    assert not means_more("/x/$HOME")
