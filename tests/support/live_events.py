"""A live stream as a test reads it: its server-sent events, and the id of the last one."""

import contextlib
import json
import time

TIMEOUT_SECS = 15


class Stream:
    """Reads server-sent events; `id` is the last one seen."""

    def __init__(self, lines):
        self._lines = lines
        self.id = None

    def __iter__(self):
        event, data = None, []
        for line in self._lines:
            if line.startswith("id: "):
                seen = line[4:]
            elif line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                data.append(line[6:])
            elif not line and event:
                self.id = seen
                yield event, json.loads("\n".join(data))
                event, data = None, []

    def until(self, name, matches=lambda data: True):
        deadline = time.monotonic() + TIMEOUT_SECS
        for event, data in self:
            if event == name and matches(data):
                return data
            assert time.monotonic() < deadline, f"no {name} event"
        raise AssertionError(f"the stream ended without a {name} event")


@contextlib.contextmanager
def stream(viewer, last_id=None, **params):
    headers = {"Last-Event-ID": last_id} if last_id else {}
    with viewer.http.stream("GET", "/api/live", params=params, headers=headers, timeout=TIMEOUT_SECS) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer.iter_lines())
