"""Two workers behind one port, on a private Redis: who is served by which, and somebody at each of them."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

import psutil

from tests.chat.backstage import Backstage
from tests.chat_socket import ChatSocket
from tests.private_redis import PrivateRedis
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

PASSWORD = "Leuchtturm-7-morgens"
SECONDS = 20.0
MOST_LINES = 8  # of one account
numbers = itertools.count(1)


@dataclass
class TwoWorkers:
    """A running server with WORKERS=2, its Redis, and what is behind it."""

    server: StreamzyServer
    redis: PrivateRedis
    backstage: Backstage
    people: list[Visitor] = field(default_factory=list)

    def workers(self) -> list[psutil.Process]:
        """The worker processes: the master, which is the first, serves nobody."""
        return self.server.processes()[1:]

    def worker_of(self, socket: ChatSocket) -> int:
        """The process that holds the server's end of ``socket``."""
        port = socket.client.eio.ws.sock.getsockname()[1]
        for worker in self.workers():
            if any(line.raddr and line.raddr.port == port for line in worker.net_connections("tcp")):
                return int(worker.pid)
        raise AssertionError("no worker holds this socket")

    def viewer(self, name: str) -> Visitor:
        """Somebody with an account, signed in."""
        self.people.append(Visitor(self.server.url))
        return self.people[-1].register(f"{name}-{next(numbers)}", PASSWORD)

    def channel(self, owner: Visitor | None = None, **rules: Any) -> str:
        """A new public channel; ``rules`` are its columns."""
        slug = f"pier-{next(numbers)}"
        keeper = owner.name if owner else self.backstage.create_account(f"keeper-{slug}")
        self.backstage.open_channel(slug, keeper, **rules)
        return slug

    def socket_at(self, visitor: Visitor, worker: int) -> ChatSocket:
        """A socket of ``visitor`` at a given worker: the kernel deals connections as it likes, so we ask again."""
        deadline = time.monotonic() + SECONDS
        self.people.append(visitor)
        while time.monotonic() < deadline:
            socket = visitor.socket()
            if self.worker_of(socket) == worker:
                return socket
            visitor.sockets.remove(socket)
            socket.close()
        raise AssertionError(f"worker {worker} takes no connection")

    def close(self) -> None:
        """Everybody leaves."""
        for person in self.people:
            person.leave()
        self.backstage.close()

    def at_each(self, *visitors: Visitor) -> list[ChatSocket]:
        """One socket for each of ``visitors``, by turns at the one worker and at the other."""
        workers = sorted(worker.pid for worker in self.workers())
        assert len(workers) == 2, workers
        return [self.socket_at(visitor, workers[number % 2]) for number, visitor in enumerate(visitors)]
