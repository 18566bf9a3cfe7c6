"""What an append leaves in its file: all of what it was told to write, or nothing, and of others everything."""

import os
import subprocess
import sys
import textwrap

import pytest

from runicorn.storage.appending import AppendFile, LineFile

posix = pytest.mark.skipif(os.name == "nt", reason="needs RLIMIT_FSIZE")


def limited(path, code):
    """Run code with a file that may grow to 20 bytes."""
    before = """
        import os, resource, sys
        from pathlib import Path
        from runicorn.storage.appending import AppendFile, LineFile
        path = Path(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, resource.RLIM_INFINITY))
    """
    whole = textwrap.dedent(before) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", whole, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return path.read_bytes()


@posix
def test_a_failed_append_takes_back_what_it_wrote(tmp_path):
    code = """
        file = AppendFile(path)
        file.append(b"0123456789")
        try:
            file.append(b"abcdefghijklmn")
        except OSError:
            file.append(b"xyz")
    """
    assert limited(tmp_path / "file", code) == b"0123456789xyz"


@posix
def test_a_failed_append_takes_back_nothing_where_more_came_behind_it(tmp_path):
    code = """
        file = AppendFile(path)
        os.write(file.fd, b"0123456789")
        os.write(file.fd, b"abc")
        os.write(file.fd, b"handler")
        try:
            file.complete(b"abcdefgh", 3)
        except OSError:
            pass
    """
    assert limited(tmp_path / "file", code) == b"0123456789abchandler"


@posix
def test_a_forked_child_takes_back_nothing_of_its_parents_file(tmp_path):
    code = """
        file = AppendFile(path)
        file.append(b"0123456789")
        child = os.fork()
        if child == 0:
            try:
                file.append(b"abcdefghijklmn")
            except OSError:
                os._exit(0)
        os.waitpid(child, 0)
    """
    assert limited(tmp_path / "file", code) == b"0123456789abcdefghij"


@posix
def test_a_line_behind_one_that_could_not_be_taken_back_begins_a_line(tmp_path):
    code = """
        file = LineFile(path)
        os.write(file.fd, b"12345\\nabcde")
        os.write(file.fd, b"handler89")
        try:
            file.complete(b"abcdefgh\\n", 5)
        except OSError:
            resource.setrlimit(resource.RLIMIT_FSIZE, (99, resource.RLIM_INFINITY))
            file.append(b"next\\n")
            file.append(b"last\\n")
    """
    assert limited(tmp_path / "file", code) == b"12345\nabcdehandler89\nnext\nlast\n"


@pytest.mark.parametrize(("before", "after"), [(b"", b"x\n"), (b"a\n", b"a\nx\n"), (b"a\nto", b"a\nto\nx\n")])
def test_a_torn_last_line_is_ended_by_the_next_one(tmp_path, before, after):
    (tmp_path / "file").write_bytes(before)
    file = LineFile(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == before
    file.append(b"x\n")
    file.close()
    assert (tmp_path / "file").read_bytes() == after


def test_what_is_cut_is_only_what_lies_behind(tmp_path):
    file = AppendFile(tmp_path / "file")
    file.append(b"0123456789")
    file.cut(12)
    file.cut(4)
    file.append(b"x")
    file.close()
    assert (tmp_path / "file").read_bytes() == b"0123x"
