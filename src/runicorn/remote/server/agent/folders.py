"""What the agent tells of folders and files: a part of its program, for Python 3.6 and newer; see program.py."""
# No `from __future__ import annotations`, which Python 3.6 does not know, and no annotations but in words.

import errno
import json
import os
import stat

# What says who a run is, and what its metrics are called; in all, so much of it is told unasked.
SMALL_SUFFIXES = (".json", ".keys")
SMALL_BYTES = 128 * 1024
NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


def as_path(text):
    """Return a path as bytes, which Python 3.6 does not take for ASCII where no language is set."""
    return text.encode("utf-8", "surrogateescape")


def as_text(path):
    return path.decode("utf-8", "surrogateescape")


def as_json(value):
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def of_error(error):
    return {"error": [errno.errorcode.get(error.errno, "EIO"), error.strerror or str(error)]}


def entry_of(name, status, is_link=False):
    """Return name, whether it is a folder, bytes, time of the last change in ns, inode, whether it is a link."""
    return [
        as_text(name),
        int(stat.S_ISDIR(status.st_mode)),
        status.st_size,
        status.st_mtime_ns,
        status.st_ino,
        int(is_link),
    ]


def look(path):
    entries = []
    try:
        with os.scandir(path) as found:
            for each in found:
                try:
                    entries.append(entry_of(each.name, each.stat(), each.is_symlink()))
                except OSError:  # gone since the folder was read, or a link to nowhere
                    pass
    except OSError as error:
        return [] if error.errno in NOT_THERE else of_error(error)
    return entries


def scan(path, marks):
    """Return entries: of folders by their names alone, of files that bear one of the marks, and of no others."""
    entries = []
    try:
        with os.scandir(path) as found:
            for each in found:
                try:
                    if each.is_dir():
                        entries.append([as_text(each.name), 1, 0, 0, 0, int(each.is_symlink())])
                    elif any(mark in each.name for mark in marks) and stat.S_ISREG(each.stat().st_mode):
                        entries.append(entry_of(each.name, each.stat()))
                except OSError:  # gone since the folder was read, or a link to nowhere
                    pass
    except OSError as error:
        return [] if error.errno in NOT_THERE else of_error(error)
    return entries


def small_files(path, entries):
    """Return by name the texts of the small files in a folder, as far as they were there when it was looked into."""
    found, left = {}, SMALL_BYTES
    for name, is_dir, size, *_ in entries:
        if is_dir or not name.endswith(SMALL_SUFFIXES) or size > left:
            continue
        try:
            fd = open_regular(os.path.join(path, as_path(name)))
        except OSError:  # whoever asks for it is told why
            continue
        try:
            text = os.read(fd, size)
        except OSError:
            continue
        finally:
            os.close(fd)
        found[name] = as_text(text)
        left -= size
    return found


def look_at(path):
    try:
        return entry_of(path.rsplit(b"/", 1)[-1], os.stat(path))
    except OSError as error:
        return None if error.errno in NOT_THERE else of_error(error)


def real(path):
    """Return a path without links. Raises OSError where nothing is there."""
    os.stat(path)
    return os.path.realpath(path)


def open_regular(path):
    """Open a file without ever waiting; a pipe, a folder or a device is an error."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise OSError(errno.EINVAL, "is no file")
