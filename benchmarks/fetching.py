"""What a browser does, as a program of its own: it shares no interpreter with the tunnel that it measures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

# Fetches SIZE bytes in STREAMS parts, or makes COUNT small requests on one connection; prints the seconds of each.
CLIENT = """
import http.client, json, sys, threading, time
what, port, first, second = sys.argv[1], *map(int, sys.argv[2:])

def connect():
    return http.client.HTTPConnection("127.0.0.1", port, timeout=60)

def fetch(size):
    connection = connect()
    connection.request("GET", f"/{size}")
    response, buffer = connection.getresponse(), bytearray(262144)
    while size > 0:
        count = response.readinto(buffer)
        if not count:
            raise SystemExit("the transfer was cut short")
        size -= count
    connection.close()

if what == "bulk":
    threads = [threading.Thread(target=fetch, args=(first // second,)) for _ in range(second)]
    began_at = time.perf_counter()
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(json.dumps([time.perf_counter() - began_at]))
elif what == "small":
    connection, secs = connect(), []
    for _ in range(second):
        began_at = time.perf_counter()
        connection.request("GET", f"/{first}")
        connection.getresponse().read()
        secs.append(time.perf_counter() - began_at)
    print(json.dumps(secs))
"""


def client(what: str, port: int, first: int, second: int) -> subprocess.Popen[str]:
    """Start the client: `bulk`, port, bytes, streams; or `small`, port, bytes each, how many."""
    words = [sys.executable, "-c", CLIENT, what, str(port), str(first), str(second)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def seconds(process: subprocess.Popen[str]) -> Sequence[float]:
    """Wait for the client and return what it measured."""
    printed, _ = process.communicate(timeout=120)
    if process.returncode:
        raise RuntimeError("the client failed")
    measured: list[float] = json.loads(printed)
    return measured


def bulk(port: int, megabytes: int, streams: int) -> float:
    """Return how many seconds so many megabytes take in so many parallel streams."""
    return seconds(client("bulk", port, megabytes * 1_000_000, streams))[0]


def small_beside_bulk(port: int) -> Sequence[float]:
    """Return the seconds of small requests on one connection while a transfer without an end runs on another."""
    with client("bulk", port, 10**15, 1) as transfer:
        try:
            return seconds(client("small", port, 100, 200))
        finally:
            transfer.kill()
