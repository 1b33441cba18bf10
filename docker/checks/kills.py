"""Each container is killed in turn while a machine sends: what the edge has promised holds.

Promised is: results wait until the broker has them, so none of a start of the edge is missing; a kill costs the windows that were
begun; without a trainer and a console the edge goes on.
"""

import json
import threading
import time
from datetime import datetime

from claims import Broken, Claims, expect, until
from machine import Machine, client
from stack import Api, Stack

# A window of half a second begins every quarter of one. Lost are those begun, and what waited in memory.
GAP_S_MAX = 1.5


class Observer:
    """Every result of one stream of one device, in the order in which it came; its session waits at the broker."""

    def __init__(self, stack: Stack, device: str, stream: str):
        login = stack.broker_login()
        self.lock = threading.Lock()
        self.results: dict[str, dict] = {}
        self.came_s: list[float] = []
        self.client = client(login, f"observer-{device[-8:]}-{stream}")
        subscribed = threading.Event()
        topic = f"cirame/devices/{device}/results/{stream}"
        self.client.on_connect = lambda made, *_: made.subscribe(topic, qos=1)
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.on_message = self._take
        self.client.connect(login["host"], login["port"])
        self.client.loop_start()
        expect(subscribed.wait(10), "the broker does not answer")

    def _take(self, _client, _data, message) -> None:
        result = json.loads(message.payload)
        with self.lock:
            # A result may come twice; its id tells.
            self.results.setdefault(result["id"], result)
            self.came_s.append(time.monotonic())

    def count(self) -> int:
        with self.lock:
            return len(self.results)

    def wait_for_more(self, more: int, seconds: float = 30) -> None:
        wanted = self.count() + more
        until(f"{more} more results", lambda: self.count() >= wanted, seconds)

    def whole(self, starts: int) -> str:
        """No result of a start is missing, and windows follow one another."""
        with self.lock:
            results = list(self.results.values())
        resets = 0
        for before, after in zip(results, results[1:], strict=False):
            if after["sequence"] == 0:
                resets += 1
            elif after["sequence"] != before["sequence"] + 1:
                raise Broken(f"after result {before['sequence']} came {after['sequence']}: {after['sequence'] - before['sequence'] - 1} are missing")
        expect(resets <= starts, f"the edge began anew {resets} times, {starts} were expected")
        ends = sorted(datetime.fromisoformat(result["end"]).timestamp() for result in results)
        gap = max(after - before for before, after in zip(ends, ends[1:], strict=False))
        expect(gap <= GAP_S_MAX, f"{gap:.2f} s without a window")
        return f"{len(results)} results, none missing, the longest gap between windows {gap:.2f} s"

    def close(self) -> None:
        self.client.loop_stop()
        self.client.disconnect()


def check(claims: Claims, stack: Stack, full: bool) -> None:
    console = stack.console()
    stack.ensure_model(console)
    device = stack.local_device(console)
    recordings = stack.simulate(stack.folder / "killed", "vibration", "--seconds", "20", "--per-class", "1", "--seed", "9")
    for _ in range(5 if full else 1):
        observer = Observer(stack, device, "killed")
        try:
            with Machine(stack.sensor_login("killed"), recordings, "killed") as machine:
                observer.wait_for_more(8)
                for name, killed in (("trainer", goes_on), ("web", goes_on), ("broker", waits), ("edge", begins_anew)):
                    claims.check(f"kill -9 of {name}: {killed.__doc__}", lambda name=name, killed=killed: killed(stack, console, observer, name))
                observer.wait_for_more(8)
            until("the last samples", lambda: machine.acknowledged * 20 >= machine.sent_rows, 15)
            claims.check("over all kills no result is missing", lambda: observer.whole(starts=1))
        finally:
            observer.close()


def dead(stack: Stack, name: str) -> int:
    before = stack.inspect(name)["RestartCount"]
    stack.signal(name, "KILL", first_alone=True)
    return before


def back(stack: Stack, name: str, before: int) -> None:
    """It was started again by the engine, and is well."""
    until(f"a new start of {name}", lambda: stack.inspect(name)["RestartCount"] > before and stack.health(name) == "healthy", 75)


def goes_on(stack: Stack, _console: Api, observer: Observer, name: str) -> None:
    """the edge goes on answering, the container comes back by itself"""
    before = dead(stack, name)
    observer.wait_for_more(8, 10)
    back(stack, name, before)


def waits(stack: Stack, _console: Api, observer: Observer, name: str) -> None:
    """results wait on the device and come when the broker is back"""
    # The observer's own session must be on the broker's disk, or nobody is there to be told.
    stack.signal(name, "USR1", first_alone=True)
    time.sleep(0.5)
    before = dead(stack, name)
    back(stack, name, before)
    observer.wait_for_more(12, 40)
    observer.whole(starts=0)


def begins_anew(stack: Stack, _console: Api, observer: Observer, name: str) -> None:
    """it serves its model again, what the broker kept for it is answered, and the windows that were begun are all that is lost"""
    before = dead(stack, name)
    back(stack, name, before)
    observer.wait_for_more(12, 40)
    observer.whole(starts=1)
