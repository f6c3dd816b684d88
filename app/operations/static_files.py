"""Static files: sheets of a page in one answer, scripts from the bundle, and all text compressed.

Pages are not: one that holds a CSRF token beside what strangers wrote would leak it by its length (BREACH).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path

from flask import Flask, abort, current_app, request, send_from_directory, url_for
from werkzeug.wrappers import Response

TEXT = {"text/css", "text/javascript", "image/svg+xml"}
SEVERAL_SHEETS = re.compile(r"css/([a-z-]+(?:\+[a-z-]+)+)\.css")
FOR_EVER = 365 * 24 * 3600
MIN_SIZE = 300  # bytes; anything smaller grows


def init_app(app: Flask) -> None:
    """Serve the static files of ``app``, and give its templates ``sheets`` and ``script``."""
    app.view_functions["static"] = serve
    entries = _bundled(Path(app.static_folder or ""))

    def script(name: str) -> str:
        return url_for("static", filename=entries.get(name, f"js/{name}"))

    app.add_template_global(script, "script")
    app.add_template_global(sheets, "sheets")


def sheets(*names: str) -> str:
    """The address of these style sheets, one after the other in one file."""
    folder = Path(current_app.static_folder or "")
    changed = tuple((folder / "css" / f"{name}.css").stat().st_mtime_ns for name in names)
    return url_for("static", filename=f"css/{'+'.join(names)}.css", v=_version(folder, names, changed))


@lru_cache(maxsize=256)
def _version(folder: Path, names: tuple[str, ...], _changed: tuple[int, ...]) -> str:
    return hashlib.sha256(_joined(folder, names)).hexdigest()[:8]


def serve(filename: str) -> Response:
    """A static file, or several style sheets as ``css/one+two.css``."""
    folder = Path(current_app.static_folder or "")
    several = SEVERAL_SHEETS.fullmatch(filename)
    if several:
        response = current_app.response_class(_joined(folder, tuple(several[1].split("+"))), mimetype="text/css")
        response.add_etag()
        response.cache_control.no_cache = True
    else:
        response = send_from_directory(folder, filename)
    if "v" in request.args or filename.startswith("vendor/bundle/"):  # the address changes with what it holds
        response.cache_control.no_cache = None
        response.cache_control.public, response.cache_control.max_age = True, FOR_EVER
        response.cache_control.immutable = True
    if response.mimetype in TEXT:
        response.vary.add("Accept-Encoding")
        if response.status_code == 200 and request.accept_encodings.quality("gzip") > 0:
            _compress(response)
    return response.make_conditional(request) if several else response


def _joined(folder: Path, names: tuple[str, ...]) -> bytes:
    try:
        return b"\n".join((folder / "css" / f"{name}.css").read_bytes() for name in names)
    except FileNotFoundError:
        abort(404)


def _compress(response: Response) -> None:
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) < MIN_SIZE:
        return
    response.set_data(_gzipped(body))
    response.content_encoding = "gzip"
    tag, _ = response.get_etag()
    if tag:
        response.set_etag(tag, weak=True)  # the same file in other bytes


@lru_cache(maxsize=256)
def _gzipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def _bundled(folder: Path) -> dict[str, str]:
    """Which file holds which script with all it needs; none where the scripts are not those that were bundled."""
    try:
        made = json.loads((folder / "vendor" / "bundle.json").read_bytes())
    except (OSError, ValueError):
        return {}
    entries: dict[str, str] = made["entries"]
    return entries if made["checksum"] == _checksum(folder / "js") else {}


def _checksum(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.js")):
        total.update(path.encode() + b"\0" + (folder / path).read_bytes() + b"\0")
    return total.hexdigest()
