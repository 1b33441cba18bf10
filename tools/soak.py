"""Leaves the edge alone under load: models are exchanged, the broker is restarted, and at the end everything is counted.

    python tools/soak.py PROGRAMS [--minutes 30] [--rate 1000] [--streams 20] [--swap-s 60] [--restart-s 120]

PROGRAMS is a folder with cirame-trainer and cirame-edge. A real mosquitto that keeps its sessions, a trainer that deploys one
version of a model after the other, an edge that follows both, a publisher with QoS 1, a receiver with a session of its own. At the
end: every sample that came is in an answered window, in an open one, or counted as dropped; every window has one result, none twice
(repeats dropped by id); resident memory is flat.
"""

import argparse
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import paho.mqtt.client as mqtt

from service import Edge, Trainer, until

WINDOW = 256
ROWS = 64
# Resident memory may grow by so much between the first minutes and the last.
GROWTH_MB_MAX = 3.0


class Broker:
    """mosquitto on a port of its own, which keeps its sessions over a restart."""

    def __init__(self, folder: Path, port: int):
        self.port = port
        self.config = folder / "mosquitto.conf"
        self.config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\n"
            f"persistence_location {folder}/\nmax_queued_messages 1000000\nmax_inflight_messages 1000\n"
        )
        self.start()

    def start(self) -> None:
        path = f"{os.environ['PATH']}:/usr/sbin"
        self.process = subprocess.Popen(["mosquitto", "-c", self.config], stderr=subprocess.DEVNULL, env={**os.environ, "PATH": path})

    def restart(self, pause_s: float) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        time.sleep(pause_s)
        self.start()


class Receiver:
    """Takes results with QoS 1 and a session that outlives the connection; counts each id once."""

    def __init__(self, port: int):
        self.ids: set[str] = set()
        self.repeats = 0
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "soak-receiver", clean_session=False)
        self.client.on_message = self.take
        self.client.on_connect = lambda client, *_: client.subscribe("cirame/devices/+/results/+", 1)
        self.client.on_subscribe = lambda *_: setattr(self, "is_subscribed", True)
        self.is_subscribed = False
        self.client.reconnect_delay_set(1, 2)
        self.client.connect_async("127.0.0.1", port)
        self.client.loop_start()

    def take(self, _client, _data, message) -> None:
        found = json.loads(message.payload)["id"]
        if found in self.ids:
            self.repeats += 1
        self.ids.add(found)


class Publisher:
    """Sends tables of rows at a rate, over streams in turn; what is not acknowledged is sent again."""

    def __init__(self, port: int, streams: int, channels: list[str], rate_hz: float):
        self.channels, self.rate_hz, self.streams = channels, rate_hz, streams
        generator = random.Random(1)
        rows = lambda: [[round(generator.gauss(0, 1), 4) for _ in channels] for _ in range(ROWS)]
        self.bodies = [json.dumps(rows()) for _ in range(50)]
        self.sent = 0
        self.acknowledged = 0
        self.start_ns = time.time_ns()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "soak-publisher", clean_session=False)
        self.client.max_inflight_messages_set(1000)
        self.client.max_queued_messages_set(0)
        self.client.reconnect_delay_set(1, 2)
        self.client.on_publish = lambda *_: setattr(self, "acknowledged", self.acknowledged + 1)
        self.client.connect_async("127.0.0.1", port)
        self.client.loop_start()
        until("the publisher's connection", self.client.is_connected)

    def send(self) -> None:
        stream, number = self.sent % self.streams, self.sent // self.streams
        at_ns = self.start_ns + int(number * ROWS * 1e9 / self.rate_hz)
        body = self.bodies[self.sent % len(self.bodies)]
        payload = f'{{"channels":{json.dumps(self.channels)},"rate_hz":{self.rate_hz},"t_ns":{at_ns},"values":{body}}}'
        self.client.publish(f"cirame/samples/soak-{stream}", payload, 1)
        self.sent += 1


def reasons(metrics: str) -> list[str]:
    found = re.findall(r'cirame_edge_(dropped_\w+|publications_refused|outbox_damaged)_total(?:\{reason="(\w+)"\})? (\d+)', metrics)
    return [f"{reason or name} {count}" for name, reason, count in found if count != "0"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("programs", type=Path)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=1000, help="messages a second")
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--swap-s", type=float, default=60)
    parser.add_argument("--restart-s", type=float, default=120)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        soak(arguments, Path(name))


def soak(arguments, folder: Path) -> None:
    trainer = Trainer(arguments.programs, folder, "--heartbeat-s", "1")
    trainer.import_simulated(arguments.programs, "pump", folder / "known", "--seed", "1", "--seconds", "4", "--per-class", "2")
    pipeline = {"window": {"samples": WINDOW}, "stride": {"samples": WINDOW}}
    for seed in (1, 2):
        trainer.train(dataset="pump", estimator="random_forest_classifier", model="pump", seed=seed, pipeline=pipeline)
    artifact = folder / "pump.onnx"
    artifact.write_bytes(trainer.ask("GET", "/api/training/models/pump/versions/1/artifact"))
    inspected = json.loads(subprocess.run([arguments.programs / "cirame-edge", "inspect", "--json", artifact], check=True, stdout=subprocess.PIPE).stdout)
    pipeline = inspected["manifest"]["pipeline"]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    broker = Broker(folder, port)
    receiver = Receiver(port)
    until("the receiver's subscription", lambda: receiver.is_subscribed)
    edge = Edge(arguments.programs, folder, "--trainer", trainer.url, "--name", "soak", "--broker", f"mqtt://127.0.0.1:{port}",
                environment={"CIRAME_TOKEN": trainer.token("soak")})
    device = until("the device", lambda: trainer.ask("GET", "/api/devices")["items"])[0]
    deploy = lambda version: trainer.ask("POST", "/api/deployments", {"device_id": device["id"], "model": "pump", "version": version})
    deploy(1)
    health = lambda: json.loads(edge.get("/health"))
    until("a model in service", lambda: health()["models"])
    publisher = Publisher(port, arguments.streams, [channel["name"] for channel in pipeline["channels"]], pipeline["rate"]["fixed"]["hz"])
    until("the edge's connection", lambda: health()["broker_connected"])

    began = time.monotonic()
    end, swap_at, restart_at, look_at = arguments.minutes * 60, arguments.swap_s, arguments.restart_s, 0.0
    version, swaps, restarts, memory = 1, 0, 0, []
    while (now := time.monotonic() - began) < end:
        # While the broker is away nothing is sent: its client would let new messages overtake old ones.
        while publisher.sent < now * arguments.rate and publisher.client.is_connected():
            publisher.send()
        if now >= look_at:
            memory.append((now, edge.resident_mb()))
            look_at += 5
        if now >= swap_at:
            version, swaps, swap_at = 3 - version, swaps + 1, swap_at + arguments.swap_s
            deploy(version)
        if now >= restart_at:
            restarts, restart_at = restarts + 1, restart_at + arguments.restart_s
            broker.restart(pause_s=2)
        time.sleep(0.002)
    until("all acknowledgements", lambda: publisher.acknowledged >= publisher.sent, seconds=120)
    before = None
    while before != (before := (health()["samples"], health()["windows"], health()["results_waiting"], len(receiver.ids))):
        time.sleep(3)

    found = health()
    answered, dropped, samples = found["windows"] * WINDOW, found["dropped_samples"], found["samples"]
    still_open = samples - answered - dropped
    early = statistics.median(mb for at, mb in memory if 60 <= at <= max(120, end / 6) or end < 120)
    late = statistics.median(mb for at, mb in memory if at >= end * 5 / 6)
    rows = [
        ("messages sent with QoS 1, acknowledged", f"{publisher.sent}, {publisher.acknowledged}"),
        ("rows sent; samples that the edge counted", f"{publisher.sent * ROWS}; {samples} (repeats of the broker included)"),
        ("windows answered; results that arrived, each once", f"{found['windows']}; {len(receiver.ids)}"),
        ("results that came again and were dropped by id", f"{receiver.repeats}"),
        ("samples in windows, dropped and counted, in open windows", f"{answered}, {dropped}, {still_open}"),
        ("results that the device dropped, that still wait there", f"{found['results_dropped']}, {found['results_waiting']}"),
        ("dropped, by reason", ", ".join(reasons(edge.get("/metrics"))) or "nothing"),
        ("models exchanged, brokers restarted", f"{swaps}, {restarts}"),
        ("resident memory, early and late (medians)", f"{early:.1f} MB, {late:.1f} MB"),
    ]
    for what, figure in rows:
        print(f"  {what:<58}  {figure}")
    wrong = []
    if len(receiver.ids) + found["results_dropped"] != found["windows"]:
        wrong.append("windows and results differ")
    if not 0 <= still_open < arguments.streams * WINDOW:
        wrong.append(f"{still_open} samples are neither in a window nor counted; {arguments.streams * WINDOW} can be in open ones")
    if samples < publisher.sent * ROWS:
        wrong.append("samples are missing on the edge")
    if late - early > GROWTH_MB_MAX:
        wrong.append("memory grows")
    broker.process.terminate()
    for program in (edge, trainer):
        program.stop()
    if wrong:
        raise SystemExit("; ".join(wrong))


main()
