"""Who runs in the benchmark: Streamzy as it is served, and the naive reference beside it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Protocol

import psutil
import requests

from tests.streamzy_server import BIN, ROOT, StreamzyServer, free_port
from tests.visitor import Visitor

CHANNEL = "bench"
PASSWORD = "Bench-9-korridor-lampe"
# What a load test does from one address and one account no person does: the limits stay on, far above it.
LIMITS = {
    name: "1000000 per minute"
    for name in ("RATELIMIT_MESSAGES", "RATELIMIT_HANDSHAKES", "RATELIMIT_JOINS", "RATELIMIT_PAGES")
}


class Contender(Protocol):
    """A running chat server that can be measured."""

    name: str
    port: int
    cookie: str

    def pids(self) -> list[int]:
        """Every process whose CPU time counts."""


class Streamzy:
    """One worker on SQLite, set up over its own command line and pages. ``settings`` are environment variables."""

    name = "Streamzy"

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.mkdir()
        self.server = StreamzyServer(folder, **LIMITS, **settings)

    def __enter__(self) -> Streamzy:
        self.server.__enter__()
        self.server.create_user("streamer", PASSWORD)
        self.server.create_channel(CHANNEL, owner="streamer")
        sender = Visitor(self.server.url).register("sender", PASSWORD)
        self.port = self.server.port
        self.cookie = sender.cookie_header
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, trace)

    def pids(self) -> list[int]:
        """gunicorn's master and its worker."""
        return [process.pid for process in self.server.processes()]


class Naive:
    """bench/naive_server.py under the same gunicorn, one worker on SQLite."""

    name = "naive Flask-SocketIO"
    cookie = ""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.port = free_port()

    def __enter__(self) -> Naive:
        command = [str(BIN / "gunicorn"), "-k", "gevent", "-w", "1", "-b", f"127.0.0.1:{self.port}"]
        command += ["--worker-connections", "5000", "bench.naive_server:app"]
        environment = {**os.environ, "DATABASE_URL": f"sqlite:///{self.folder / 'naive.db'}"}
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the reference server did not start:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            for process in psutil.Process(self.process.pid).children():
                process.kill()
            self.process.kill()

    def is_ready(self) -> bool:
        """Whether it serves."""
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).ok
        except requests.RequestException:
            return False

    def pids(self) -> list[int]:
        """gunicorn's master and its worker."""
        master = psutil.Process(self.process.pid)
        return [master.pid, *(child.pid for child in master.children(recursive=True))]
