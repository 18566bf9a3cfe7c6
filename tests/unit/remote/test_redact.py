"""What is given to others holds no secret, and still says what it said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.remote.telling.redact import LEFT_OUT, redact

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nserver: b3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Authorization: Bearer abcdef", f"Authorization: {LEFT_OUT}"),
        ("{'authorization': 'Basic Y2FuYXJ5'}", f"{{'authorization': {LEFT_OUT}"),
        ("sent bearer abcdefgh12 to it", f"sent bearer {LEFT_OUT} to it"),
        ("GET http://localhost:1/?token=canary HTTP/1.1", f"GET http://localhost:1/?{LEFT_OUT} HTTP/1.1"),
        ("see https://me:canary@lab/x", f"see https://{LEFT_OUT}@lab/x"),
        ("http://localhost:1/#canary", f"http://localhost:1/?{LEFT_OUT}"),
        ("GET /?a=1&api_token=canary&b=2", f"GET /?a=1&api_token={LEFT_OUT}&b=2"),
        ("WANDB_API_KEY=canary x", f"WANDB_API_KEY={LEFT_OUT} x"),
        ("password: canary", f"password: {LEFT_OUT}"),
        (f"before {KEY} after", f"before {LEFT_OUT} after"),
        (f"before {KEY[:50]}", f"before {LEFT_OUT}"),
    ],
)
def test_what_could_be_a_secret_is_left_out(said: str, shown: str) -> None:
    assert redact(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        "It would accept: publickey, password.",
        "login done in 3 ms: password (keyboard-interactive)",
        "the tunnel ended: http://localhost:18080",
        "host_key done in 14 ms: ssh-ed25519 SHA256:abc/def+ghi",
        "session abcd on me@gpu-7.lab:22: root /data/runs",
    ],
)
def test_what_is_none_stays(said: str) -> None:
    assert redact(said) == said


def test_home_folders_are_shown_as_a_tilde_and_their_neighbours_are_not() -> None:
    homes = ["/home/al/", "/home/alice", "", "/"]
    assert redact("/home/alice/runs and /home/al: /home/al.x /home/albert /data/home/al", homes) == (
        "~/runs and ~: /home/al.x /home/albert /data/home/al"
    )
    assert redact("C:\\Users\\al\\runs", ["C:\\Users\\al"]) == "~\\runs"


@given(st.text(), st.text(min_size=1, max_size=10))
def test_no_text_breaks_it(text: str, home: str) -> None:
    assert isinstance(redact(text, [home]), str)
