"""Sliding windows in the memory of this process, for limits that are looked at thousands of times a second."""

from __future__ import annotations

import time

import gevent
from limits.storage import MemoryStorage

SWEEP_SECONDS = 10
AT_ONCE = 500  # keys that are looked at before the others in this process have their turn


class LocalWindows(MemoryStorage):
    """The library's storage, which starts no thread for each hit to look through every key there is."""

    STORAGE_SCHEME = ["local"]
    _sweeps_at = 0.0

    def _MemoryStorage__schedule_expiry(self) -> None:
        if time.monotonic() >= self._sweeps_at:
            self._sweeps_at = time.monotonic() + SWEEP_SECONDS
            gevent.spawn(self._sweep)

    def _sweep(self) -> None:
        for number, key in enumerate(list(self.events), start=1):
            moment = time.time()
            living = [entry for entry in self.events.get(key, ()) if entry.expiry > moment]
            if living:
                self.events[key] = living
            else:
                self.events.pop(key, None)
                self.locks.pop(key, None)
            if number % AT_ONCE == 0:
                gevent.sleep(0)
