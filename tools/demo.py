"""The whole chain across processes, without a person.

    make demo

Starts the trainer with its embedded broker and one edge; imports simulated recordings, trains,
deploys the proven model, replays recordings that the model has not seen over MQTT in their own
time, and compares every result that the edge publishes with the trainer's own answer for the same
window. Ends with success only if all agree and the accuracy passes.
"""

import csv
import io
import json
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

import numpy as np
from paho.mqtt import client as mqtt

from service import Edge, Trainer, until

PROGRAMS = Path(sys.argv[1]).resolve()
ACCURACY_MIN = 0.95
TOLERANCE = 1e-6
# Rows of one message: 20 ms of a machine that is sampled at 1 kHz.
MESSAGE_ROWS = 20
STEPS = 7


def step(number: int, what: str) -> None:
    print(f"[{number}/{STEPS}] {what}", flush=True)


class Replay:
    """Recordings as live streams, one each, all at once; and the results that come back."""

    def __init__(self, recordings: Path, broker: dict, device: str):
        self.streams = {path.stem: self.read(path) for path in sorted(recordings.glob("*.csv"))}
        self.prefix, self.device = "cirame", device
        self.results: list[tuple[str, dict, float]] = []
        self.sent_s: dict[tuple[str, int], float] = {}
        self.statuses: list[dict] = []
        self.lock = threading.Lock()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "cirame-demo")
        self.client.username_pw_set(broker["user"], broker["password"])
        self.client.max_inflight_messages_set(200)
        self.client.on_message = self.on_message
        subscribed = threading.Event()
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", broker["port"])
        self.client.loop_start()
        self.client.subscribe(f"{self.prefix}/devices/{device}/#", qos=1)
        if not subscribed.wait(10):
            raise SystemExit("the broker does not answer")

    @staticmethod
    def read(path: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
        with path.open(newline="") as file:
            rows = csv.reader(file)
            header = next(rows)
            channels = [name for name in header if name not in ("t_ns", "label")]
            columns = list(zip(*rows))
        times = np.array(columns[header.index("t_ns")], np.int64)
        values = np.array([columns[header.index(name)] for name in channels], np.float64).T
        return channels, times, values

    def on_message(self, _client, _data, message) -> None:
        now = time.monotonic()
        levels = message.topic.split("/")
        content = json.loads(message.payload)
        with self.lock:
            if levels[3] == "results":
                self.results.append((levels[4], content, now))
            else:
                self.statuses.append(content)

    def play(self) -> None:
        """Sends each message when its last row is due."""
        self.base_ns = time.time_ns()
        began = time.monotonic()
        messages = []
        for stream, (channels, times, values) in self.streams.items():
            for start in range(0, len(times), MESSAGE_ROWS):
                rows = slice(start, start + MESSAGE_ROWS)
                payload = {
                    "channels": channels,
                    "t_ns": (times[rows] + self.base_ns).tolist(),
                    "values": values[rows].tolist(),
                }
                messages.append((int(times[rows][-1]), stream, json.dumps(payload)))
        messages.sort(key=lambda message: message[0])
        for due_ns, stream, payload in messages:
            pause = began + due_ns / 1e9 - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            self.sent_s[stream, due_ns] = time.monotonic()
            self.client.publish(f"{self.prefix}/samples/{stream}", payload, qos=1)

    def latencies_ms(self) -> list[float]:
        """From handing the message with a window's last row to the client, to having its result."""
        found = []
        for stream, result, arrived in self.results:
            end_ns = nanoseconds(result["end"]) - self.base_ns
            times = self.streams[stream][1]
            # The message with the last row of the window.
            row = int(np.searchsorted(times, end_ns))
            last = min((row // MESSAGE_ROWS + 1) * MESSAGE_ROWS, len(times)) - 1
            found.append(1e3 * (arrived - self.sent_s[stream, int(times[last])]))
        return found


def nanoseconds(text: str) -> int:
    """RFC 3339 with up to nine digits of a second."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole + "+00:00").timestamp())
    return seconds * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))


def compare(replay: Replay, expected: list[dict]) -> tuple[int, int, float, list[str]]:
    """Published results against the trainer's answers: windows, agreeing, accuracy, what is wrong."""
    answers = {(row["recording"].removesuffix(".csv"), round(float(row["start"]) * 1e9)): row for row in expected}
    wrong, seen, agree, right = [], set(), 0, 0
    for stream, result, _ in replay.results:
        key = (stream, nanoseconds(result["start"]) - replay.base_ns)
        row = answers.get(key)
        if row is None:
            wrong.append(f"{stream}: the edge answered a window at {result['start']} that the trainer has not")
            continue
        if key in seen:
            wrong.append(f"{stream}: window {result['index']} came twice")
        seen.add(key)
        ours = np.array([float(row[f"probability_{name}"]) for name in result["probabilities"]])
        theirs = np.array(list(result["probabilities"].values()))
        if row["class"] == result["class"] and np.abs(ours - theirs).max() <= TOLERANCE:
            agree += 1
        else:
            wrong.append(f"{stream} window {result['index']}: edge {theirs}, trainer {ours}")
        right += result["class"] == row["true_class"]
    missing = sorted(set(answers) - seen)
    wrong += [f"{stream}: no result for the window at {start_ns / 1e9} s" for stream, start_ns in missing]
    return len(answers), agree, right / max(1, len(replay.results)), wrong


def main() -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        step(1, "the trainer starts, with its broker")
        trainer = Trainer(PROGRAMS, folder, "--broker", "embedded:0")
        edge = None
        try:
            edge = chain(trainer, folder, began)
        finally:
            for program in (edge, trainer):
                if program is not None and (status := program.stop()):
                    raise SystemExit(f"{program.process.args[0]} ended with {status}:\n{program.tail()}")


def chain(trainer: Trainer, folder: Path, began: float) -> Edge:
    step(2, "simulated recordings become a dataset")
    simulated = ("--seed", "1", "--seconds", "10", "--per-class", "4")
    trainer.import_simulated(PROGRAMS, "pump", folder / "known", *simulated)
    step(3, "a forest learns, and is proven")
    trainer.train(dataset="pump", estimator="random_forest_classifier", model="pump", seed=1)
    artifact = trainer.ask("GET", "/api/training/models/pump/versions/1/artifact")
    step(4, "an edge enrols, and takes the model into service")
    edge = Edge(PROGRAMS, folder, "--trainer", trainer.url, "--name", "demo-edge",
                environment={"CIRAME_TOKEN": trainer.token("demo")})
    device = until("the device", lambda: trainer.ask("GET", "/api/devices")["items"])[0]
    deployment = trainer.ask("POST", "/api/deployments", {"device_id": device["id"], "model": "pump"})

    def serving():
        now = trainer.ask("GET", f"/api/deployments/{deployment['id']}")
        if now["status"] == "failed":
            raise SystemExit(f"the device refuses the model: {now['error']}\n{edge.tail()}")
        return now if now["status"] == "serving" else None

    proof = until("the model's service", serving)["proof"]
    step(5, "recordings that the model has not seen are replayed over MQTT")
    simulated = ("--seed", "2", "--seconds", "12", "--per-class", "2")
    trainer.import_simulated(PROGRAMS, "unseen", folder / "unseen", *simulated)
    replay = Replay(folder / "unseen", trainer.broker("demo"), device["id"])
    replay.play()
    step(6, "the trainer answers the same recordings")
    job = trainer.ask("POST", "/api/training/evaluations", {"model": "pump", "dataset": "unseen"})
    trainer.job(job["id"])
    text = trainer.ask("GET", f"/api/training/evaluations/{job['id']}/results").decode()
    expected = list(csv.DictReader(io.StringIO(text)))
    step(7, "every published result is compared")
    until("the results", lambda: len(replay.results) >= len(expected), seconds=15)
    windows, agree, accuracy, wrong = compare(replay, expected)
    latencies = replay.latencies_ms()
    table(trainer, edge, len(artifact), proof, windows, agree, accuracy, latencies, began)
    if wrong:
        raise SystemExit("\n".join(["the edge and the trainer do not agree:", *wrong[:20]]))
    if accuracy < ACCURACY_MIN:
        raise SystemExit(f"the accuracy is below {ACCURACY_MIN}")
    return edge


def table(trainer, edge, artifact_bytes, proof, windows, agree, accuracy, latencies, began) -> None:
    p50, p99 = np.percentile(latencies, [50, 99])
    health = json.loads(edge.get("/health"))
    on_edge = [health[f"sample_to_result_{p}_us"] / 1e3 for p in ("p50", "p99")]
    engine = next(judge for judge in proof["judges"] if judge["engine"] == "native")["latency"]
    rows = [
        ("windows answered over MQTT", f"{windows}"),
        ("agree with the trainer", f"{agree} of {windows}, within {TOLERANCE:g}"),
        ("accuracy on unseen recordings", f"{accuracy:.4f} (at least {ACCURACY_MIN})"),
        ("sample in to result out, p50, p99", "{:.2f} ms, {:.2f} ms on the edge".format(*on_edge)),
        ("sample sent to result received, p50, p99", f"{p50:.2f} ms, {p99:.2f} ms through the broker both ways"),
        ("window to class on the edge, p50", f"{engine['p50_us']:.1f} µs, measured by the device's proof"),
        ("artifact", f"{artifact_bytes:,} bytes"),
        ("resident memory, trainer", f"{trainer.resident_mb():.0f} MB"),
        ("resident memory, edge", f"{edge.resident_mb():.0f} MB"),
        ("time", f"{time.monotonic() - began:.0f} s"),
    ]
    width = max(len(name) for name, _ in rows)
    print()
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")
    print()


main()
