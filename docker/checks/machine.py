"""A simulated machine that sends recordings over MQTT in their own time, again and again, and counts what it has sent."""

import csv
import json
import threading
import time
from pathlib import Path

from claims import Broken
from paho.mqtt import client as mqtt

ROWS = 20


def client(login: dict, name: str) -> mqtt.Client:
    """A client with this login, which keeps its session and connects again by itself."""
    made = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name, clean_session=False)
    made.username_pw_set(login["user"], login["password"])
    # One after the other, so that a new connection cannot send newer samples before older ones.
    made.max_inflight_messages_set(1)
    made.max_queued_messages_set(0)
    made.reconnect_delay_set(1, 1)
    return made


class Machine:
    """Sends from the moment it is entered until it is left. Times are of now, so that each window is new."""

    def __init__(self, login: dict, recordings: Path, stream: str):
        self.rows: list[list[float]] = []
        self.channels: list[str] = []
        for path in sorted(recordings.rglob("*.csv")):
            with path.open() as file:
                rows = csv.DictReader(file)
                self.channels = [name for name in rows.fieldnames or [] if name not in ("t_ns", "label")]
                self.rows += [[float(row[name]) for name in self.channels] for row in rows]
        if len(self.rows) < ROWS:
            raise Broken(f"{recordings} has no recordings")
        self.topic = f"cirame/samples/{stream}"
        self.client = client(login, f"machine-{stream}")
        self.login = login
        self.sent_rows = 0
        self.acknowledged = 0
        self.client.on_publish = self._acknowledged
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._send, daemon=True)

    def _acknowledged(self, *_) -> None:
        self.acknowledged += 1

    def __enter__(self) -> "Machine":
        self.client.connect(self.login["host"], self.login["port"])
        self.client.loop_start()
        self.thread.start()
        return self

    def _send(self) -> None:
        first_ns = time.time_ns()
        next_s = time.monotonic()
        while not self.stopping.is_set():
            at = self.sent_rows % (len(self.rows) - ROWS)
            first = first_ns + self.sent_rows * 1_000_000
            table = {"channels": self.channels, "t_ns": [first + i * 1_000_000 for i in range(ROWS)], "values": self.rows[at : at + ROWS]}
            self.client.publish(self.topic, json.dumps(table), qos=1)
            self.sent_rows += ROWS
            next_s += ROWS / 1000
            self.stopping.wait(max(0.0, next_s - time.monotonic()))

    def __exit__(self, *_) -> None:
        self.stopping.set()
        self.thread.join()
        self.client.loop_stop()
        self.client.disconnect()
