"""The web page: the files that its build left in viewer/page/, or a page that says how to build them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from starlette.responses import FileResponse, HTMLResponse, Response

PAGE_FOLDER = Path(__file__).parent / "page"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".map": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}

_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Runicorn</title>
<body style="font: 15px system-ui, sans-serif; max-width: 40em; margin: 4em auto; line-height: 1.5">
<h1>The page is not built</h1>
<p>The viewer runs and its API answers, but this checkout holds no built page. Build it once:</p>
<pre>cd web
npm ci
npm run build</pre>
<p>Then load this page again. A released package brings the page with it.</p>
</body></html>
"""


def index_response(folder: Path = PAGE_FOLDER) -> Response:
    """Return the page itself."""
    file = folder / "index.html"
    if not file.is_file():
        return HTMLResponse(_NOT_BUILT, headers={"Cache-Control": "no-store"})
    return FileResponse(file, media_type=_TYPES[".html"], headers={"Cache-Control": "no-cache"})


def asset_response(path: str, folder: Path = PAGE_FOLDER) -> Response | None:
    """Return one of the page's files, None if there is none. path: without a leading slash."""
    file = find_asset(folder, path)
    if file is None:
        return None
    # Names in assets/ hold a hash of the content, so they never change.
    lasting = path.startswith("assets/")
    headers = {"Cache-Control": "public, max-age=31536000, immutable" if lasting else "no-cache"}
    return FileResponse(file, media_type=_TYPES.get(file.suffix, "application/octet-stream"), headers=headers)


def find_asset(folder: Path, path: str) -> Path | None:
    """Return the built file at a path of the page, or None; never one outside of the folder."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("api/") or any(part == ".." or set(part) & set("/\\:\0") for part in parts):
        return None
    file = folder.joinpath(*parts)
    try:
        return file if file.resolve().is_relative_to(folder.resolve()) and file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None
