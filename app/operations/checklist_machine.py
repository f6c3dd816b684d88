"""The checklist's boxes that the machine answers, and those that no program can."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

import config
from app.operations.checklist import Checklist, Finding, unwell, well
from app.operations.preflight import env_file_problem, sqlite_path
from app.security.round_trip import RoundTrip
from config import ROOT, Settings

machine_boxes = Checklist()
unseen_boxes = Checklist()
box = machine_boxes.box

LOCK_FILE = ROOT / "requirements.txt"
SOCKET_IO = ROOT / "static" / "vendor" / "socket.io.esm.min.js"
OTHERS, OTHERS_WRITE = 0o077, 0o022


@box(".env file")
def env_file(_settings: Settings) -> Finding:
    """It holds the keys to everything."""
    if problem := env_file_problem():
        return unwell(f"{problem.partition(':')[0]}.", f"chmod 600 {config.env_file()}")
    if config.env_file().is_file():
        return well(f"Only its owner can read {config.env_file()}.")
    return well("There is none: every setting comes from the environment.")


@box("database files", fails="in production")
def database_files(settings: Settings) -> Finding:
    """Names, times and sealed texts are for nobody else on this machine."""
    path = sqlite_path(settings)
    if path is None:
        return well("The database is not a file.")
    files = [file for suffix in ("", "-wal", "-shm") if (file := path.with_name(path.name + suffix)).exists()]
    if open_files := [file for file in files if file.stat().st_mode & OTHERS]:
        names = " ".join(map(str, open_files))
        return unwell(f"Other accounts of this machine can read {names}.", f"chmod 600 {names}")
    if path.parent.is_dir() and path.parent.stat().st_mode & OTHERS_WRITE:
        return unwell(f"Other accounts of this machine can replace files in {path.parent}.", f"chmod 700 {path.parent}")
    return well("Only their owner can read them.")


@box("account", fails="in production")
def account(_settings: Settings) -> Finding:
    """What somebody gets who breaks in here."""
    if os.geteuid() == 0:
        return unwell("This runs as root: whoever breaks in owns the machine.", "Serve from an account of its own.")
    return well("This does not run as root.")


@box("packages", fails="in production")
def packages(_settings: Settings) -> Finding:
    """What is installed is what was locked and tested."""
    if not LOCK_FILE.is_file():
        return unwell(f"{LOCK_FILE.name} is missing.", "Restore it from the release.")
    differing = [
        f"{name} is {installed or 'missing'}, locked is {wanted}"
        for name, wanted in _locked()
        if (installed := _installed(name)) != wanted
    ]
    if differing:
        return unwell(
            f"{'; '.join(differing)}.", f"pip install --require-hashes -r {LOCK_FILE.name} (make run does that)"
        )
    return well("Exactly what requirements.txt locks.")


def _locked() -> Iterator[tuple[str, str]]:
    for line in LOCK_FILE.read_text().splitlines():
        if "==" not in line or line.startswith((" ", "#", "-")):
            continue
        requirement = Requirement(line.rstrip("\\ "))
        if requirement.marker is None or requirement.marker.evaluate():
            yield requirement.name, str(requirement.specifier).removeprefix("==")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@box("front-end library")
def front_end_library(_settings: Settings) -> Finding:
    """Without it the chat page shows history and nothing live."""
    if SOCKET_IO.is_file():
        return well("It is installed.")
    return unwell(f"{Path(*SOCKET_IO.parts[-3:])} is missing: no live chat.", "make run installs it.")


@box("Redis")
def redis(settings: Settings) -> Finding:
    """Where it is configured, limits are counted there."""
    if not settings.redis_url:
        return well("It is not used: one process counts for itself.")
    if RoundTrip(settings.redis_url).answers():
        return well("It answers.")
    return unwell("REDIS_URL: Redis does not answer.", "Start it, or correct the address.")


def _unseen(name: str, sentence: str, hint: str) -> None:
    unseen_boxes.box(name)(lambda _settings: Finding(None, sentence, hint))


_unseen(
    "copy of the key",
    "No program can see whether a copy of ENCRYPTION_KEY is kept away from this machine. "
    "Without the key every message is lost.",
    "Keep one in a password manager, and read it back once.",
)
_unseen(
    "backups",
    "No program can see whether there is a copy of the database elsewhere, nor whether it can be restored.",
    "Restore one on another machine before you need it: docs/backup.md.",
)
_unseen(
    "firewall",
    "No program in here can see what the outside reaches.",
    "Only the proxy's ports may be open; PORT must be reachable for the proxy alone.",
)
_unseen(
    "TLS certificate",
    "The proxy in front holds the certificate.",
    "Let it renew itself, refuse TLS below 1.2, and look at it from outside once.",
)
_unseen(
    "updates",
    "No program in here can see whether the system's own updates are installed.",
    "Switch on unattended upgrades.",
)
