"""People who sign in while others chat."""

from __future__ import annotations

import os
from threading import Event, Thread, get_native_id

from bench.contenders import PASSWORD
from tests.visitor import Visitor

A_SECOND = 3


class SignIns:
    """People who sign in, three a second, each over the form and from a browser of their own."""

    def __init__(self, url: str, username: str) -> None:
        self.url, self.username = url, username
        self.over = Event()
        self.done = 0
        self.guests: list[Thread] = []
        self.threads = [Thread(target=self.one_after_another, args=(lane,)) for lane in range(A_SECOND)]

    def one_after_another(self, lane: int) -> None:
        """A third of them: one begins each second, in step with nobody."""
        self.over.wait(lane / A_SECOND)
        while not self.over.wait(1):
            guest = Thread(target=self.sign_in)
            guest.start()
            self.guests.append(guest)

    def sign_in(self) -> None:
        """Open the page, send the form, arrive. All on the guest's own machine, as it were: it yields to the server."""
        os.setpriority(os.PRIO_PROCESS, get_native_id(), 15)
        visitor = Visitor(self.url)
        answer = visitor.post_form("/login", username=self.username, password=PASSWORD)
        self.done += answer.ok and not answer.url.endswith("/login")
        visitor.leave()

    def __enter__(self) -> SignIns:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()
        for thread in self.guests:
            thread.join()
