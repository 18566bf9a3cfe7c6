"""Write what follows from the table of a session's life: `python scripts/lifecycle_reference.py`.

docs/reference/sessions.md, for people, and web/src/api/session-states.ts, the page's type.
"""

from __future__ import annotations

from pathlib import Path

from runicorn.remote.session.lifecycle import ENDED, INITIAL, TABLE, Effect, Event, State

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs" / "reference" / "sessions.md"
PAGE = ROOT / "web" / "src" / "api" / "session-states.ts"

HEAD = """# Sessions

A session is a remote viewer together with its tunnel. This page is written by `scripts/lifecycle_reference.py` from the
table in `src/runicorn/remote/session/lifecycle.py`; a test fails when the two differ.

"""

EVENTS = {
    Event.READY: "the session's own viewer answered through the tunnel",
    Event.FAILED: "it cannot go on, and says why",
    Event.LINK_LOST: "the tunnel, the connection or the remote viewer ended, or nothing answered for 12 s",
    Event.STOP: "somebody stopped it, or its connection, or the local viewer",
    Event.RELEASED: "nothing of it is left on either side",
}
EFFECTS = {
    Effect.WATCH: "ask for its health every 4 s, and look at once when this machine wakes or somebody looks",
    Effect.RECONNECT: "bring the link back on the same address, for ever: soon, then up to a minute apart",
    Effect.RELEASE: "end the remote viewer, the tunnel and the channel, and free the port",
}


def docs() -> str:
    """Return the page: a diagram, what each event means, and the table."""
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    [*] --> {state.value}" for state in State if state in INITIAL]
    lines += [f"    {state.value} --> {step.state.value}: {event.value}" for (state, event), step in TABLE.items()]
    lines += [f"    {state.value} --> [*]" for state in State if state in ENDED]
    lines += ["```", "", "| event | when |", "| --- | --- |"]
    lines += [f"| `{event.value}` | {EVENTS[event]} |" for event in Event]
    lines += ["", "| what is then done | how |", "| --- | --- |"]
    lines += [f"| `{effect.value}` | {EFFECTS[effect]} |" for effect in Effect]
    lines += ["", "| in | on | goes to | and |", "| --- | --- | --- | --- |"]
    for (state, event), step in TABLE.items():
        effects = ", ".join(f"`{effect.value}`" for effect in step.effects) or "–"
        lines.append(f"| {state.value} | {event.value} | {step.state.value} | {effects} |")
    return HEAD + "\n".join(lines) + "\n\nAny other event leaves a state as it is.\n"


def page() -> str:
    """Return the module with the page's type of a session's status."""
    live, ended = (
        " | ".join(f'"{state.value}"' for state in State if (state in ENDED) is over) for over in (False, True)
    )
    return (
        "/** The states of a session. Written by scripts/lifecycle_reference.py from session/lifecycle.py. */\n\n"
        f"export type LiveStatus = {live};\nexport type EndedStatus = {ended};\n"
        "export type SessionStatus = LiveStatus | EndedStatus;\n"
    )


if __name__ == "__main__":
    DOCS.write_text(docs(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
