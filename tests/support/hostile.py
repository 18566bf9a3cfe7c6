"""A storage root whose writer is no friend: every text of every run tries to be more than text in a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import runicorn as rn

# As a name of a file or in an address: without a slash.
MARKUP_NAME = '<img data-theirs src=x onerror="canary=1">'

# Each sets `window.canary`, makes an element that bears `data-theirs`, or asks another origin, where it is not text.
TEXTS = (
    MARKUP_NAME,
    "<script data-theirs>canary=1</script>",
    "</script><script data-theirs>canary=1</script>",
    "</title></style></textarea><svg data-theirs onload=canary=1>",
    '"><iframe data-theirs srcdoc="<script>parent.canary=1</script>"></iframe>',
    "' onmouseover='canary=1' onfocus='canary=1' autofocus data-theirs='",
    '" style="position:fixed;inset:0;background:url(http://evil.test/style)" data-theirs="',
    "javascript:canary=1//",
    '<a data-theirs href="javascript:canary=1">click</a>',
    "[click](javascript:canary=1) ![](http://evil.test/markdown)",
    "http://evil.test/link https://evil.test/",
    '<base data-theirs href="http://evil.test/">',
    '<link data-theirs rel=stylesheet href="http://evil.test/css">',
    '<meta data-theirs http-equiv=refresh content="0;url=http://evil.test/">',
    "<style data-theirs>*{display:none!important}</style>",
    '<form data-theirs action="http://evil.test/"><input name=x autofocus onfocus=canary=1></form>',
    "{{7*7}} ${canary=1} #{canary=1} <%= canary=1 %> {{constructor.constructor('canary=1')()}}",
    "\u202egnp.exe\u202c \u2066isolated\u2069 \u202bnever closed",
    "zero\u200bwidth \u0007bell\u001b[31m \ufeff\u2028\u2029 \U0001f984",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b" * 40,
    "__proto__",
    "constructor",
    "\ud800 half a pair",
    "\0 zero",
)
LONG = "W" * 10_000
LONG_WORDS = "many words " * 900

CONSOLE = "\r\n".join(
    (
        *(text for text in TEXTS if text.isprintable()),
        "\x1b]8;;javascript:canary=1\x1b\\an OSC 8 link that runs\x1b]8;;\x1b\\",
        "\x1b]8;;http://evil.test/osc\x07an OSC 8 link that asks\x1b]8;;\x07",
        '\x1b]8;id="><img data-theirs src=x onerror=canary=1>;http://evil.test\x1b\\and one with markup\x1b]8;;\x1b\\',
        "\x1b]0;<script>canary=1</script>\x07\x1b]52;c;Y2FuYXJ5\x07the title and the clipboard",
        "\x1b]1337;File=inline=1:PHN2Zz4=\x07a picture",
        '\x1b[31;1m<b data-theirs>red</b>\x1b[0m \x1b[38;2;1;2;3;"onload=canary=1m \x1b[999999999999m',
        "\x1b[38;5;999m\x1b[48;2;999;999;999mcolours that are none\x1b[0m",
        "\x1bP1;2|<img data-theirs>\x1b\\ \x1b_Ga=T;PHN2Zz4=\x1b\\ \x1b^private\x1b\\ \x9b31m",
        "\x1b[2J\x1b[1;1H\x1b[1000000A\x1b[1000000000Bmoves\x1b[1000000000C far\x1b[?1049h",
        "progress\r\x1b[K<img data-theirs src=x onerror=canary=1>",
        "\u202eright to left for ever",
        LONG,
        "last line",
    )
)

PLAIN_ID = "friendly"
ARTIFACT = "hostile"


def hostile_root(root: Path) -> list[str]:
    """Write the runs, one for each text, and return their ids. Among them is a friendly one, PLAIN_ID."""
    texts = [*TEXTS, LONG, LONG_WORDS]
    ids = [f"hostile-{number:02}" for number in range(len(texts))]
    for number, (run_id, text) in enumerate(zip(ids, texts, strict=True)):
        _write(root, run_id, text, texts[(number + 1) % len(texts)])
    with rn.init(project="vision/friendly", name="a friendly run", id=PLAIN_ID, root=root, config={"lr": 0.1}) as run:
        for step in range(50):
            run.log({"loss": 1 / (step + 1)})
        _log_artifacts(run, root, texts)
    return [*ids, PLAIN_ID]


def _log_artifacts(run: rn.Run, root: Path, texts: list[str]) -> None:
    """Log a version of ARTIFACT for each text, whose type, description, metadata and file name it is."""
    for text in texts:
        artifact = rn.Artifact(ARTIFACT)
        with artifact.new_file("plain.txt") as file:
            file.write(text.replace("\ud800", ""))
        with artifact.new_file(next(_file_names(text))) as file:
            file.write("<script>canary=1</script>")
        version = run.log_artifact(artifact)
        path = root / "artifacts" / ARTIFACT / f"{version.version}.json"
        content = {
            **_read(path),
            "type": text,
            "description": text,
            "metadata": {text: text, "__proto__": {text: [text]}},
        }
        path.write_text(json.dumps(content))


def _write(root: Path, run_id: str, text: str, other: str) -> None:
    """Let the recorder make a run, and then write into its files what it would have refused."""
    metrics = [other[:300].replace("\ud800", "\ufffd"), f"group/{text[:300]}".replace("\ud800", "\ufffd"), "loss"]
    with rn.init(id=run_id, root=root) as run:
        for step in range(20):
            run.log(dict.fromkeys(metrics, step / 7))
        folder = run.dir
    info, status = (_read(folder / name) for name in ("run.json", "status.json"))
    nested = {text: text, other: {text: [text, other]}, "__proto__": {"polluted": text}, "lr": text, "n": 1e400}
    info.update(
        name=text,
        project=f"{text}/{other}",
        tags=[text, other, text[:40], *(f"tag {number}" for number in range(30))],
        config=nested,
        host=text,
        user=text,
        cwd=text,
        argv=[text, other],
        python=text,
        gpus=[{"name": text}, text],
        git={"commit": text, "branch": text, "dirty": True, "remote": "javascript:canary=1"},
        packages={text: text, "__proto__": text},
    )
    status.update(state="failed", exit_reason=text, summary=nested)
    (folder / "run.json").write_text(json.dumps(info))
    (folder / "status.json").write_text(json.dumps(status))
    (folder / "notes.json").write_text(json.dumps({"note": text}))
    (folder / "console.log").write_bytes(CONSOLE.encode("utf-8", "replace") + bytes(range(128, 256)) + b"\n")
    for name in _file_names(text):
        (folder / name).write_text(f"<script>canary=1</script>{text[:20]!a}")


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def _file_names(text: str) -> Iterator[str]:
    """Yield names that a file system takes: the text without what ends a name, as a page and as a picture."""
    name = "".join(char for char in text if char not in "/\0" and not "\ud800" <= char <= "\udfff")[:50]
    yield f"{name}.html"
    yield f"{name}.svg"
