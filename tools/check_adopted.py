"""Models of other programs, end to end: scikit-learn through skl2onnx and a network of Flax are adopted,
deployed to a device and served from their files by each engine; every answer over HTTP is compared with
what Python's onnxruntime gives for the original file and the same window.

    python tools/check_adopted.py FOLDER_WITH_THE_PROGRAMS
"""

import csv
import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import onnxruntime
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from service import Edge, Trainer, until

PROGRAMS = Path(sys.argv[1]).resolve()
ROOT = Path(__file__).resolve().parent.parent
CNN = ROOT / "trainer/tests/foreign/flax_cnn.onnx"
SAMPLES, STRIDE = 128, 64
CHANNELS = ["accX", "accY", "accZ"]
CLASSES = ["cavitation", "imbalance", "normal"]
# Where the engines of the product add up in another order than onnxruntime in Python.
TOLERANCE = 1e-4


def trainer(folder: Path, *arguments) -> dict:
    command = [PROGRAMS / "cirame-trainer", "--data", folder / "data", "--json", *arguments]
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def read(path: Path) -> tuple[np.ndarray, str]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([[row[name] for name in CHANNELS] for row in rows], np.float32), rows[0]["label"]


def windows(values: np.ndarray) -> np.ndarray:
    starts = range(0, len(values) - SAMPLES + 1, STRIDE)
    return np.stack([values[start : start + SAMPLES] for start in starts])


def sklearn_pipeline(files: list[Path], path: Path) -> None:
    recordings = [read(file) for file in files]
    inputs = np.concatenate([windows(values).reshape(-1, SAMPLES * 3) for values, _ in recordings])
    labels = np.concatenate([[label] * len(windows(values)) for values, label in recordings])
    network = MLPClassifier(hidden_layer_sizes=(16,), random_state=3, max_iter=200, tol=1e-3)
    model = make_pipeline(StandardScaler(), network).fit(inputs, labels)
    assert list(model.classes_) == CLASSES
    options = {id(network): {"zipmap": False}}
    types = [("X", FloatTensorType([None, SAMPLES * 3]))]
    path.write_bytes(convert_sklearn(model, initial_types=types, options=options, target_opset=17).SerializeToString())


def expected(values: np.ndarray, path: Path) -> dict[str, np.ndarray]:
    """What Python's onnxruntime answers on the original files, window by window."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    [flat] = session.run(["probabilities"], {"X": windows(values).reshape(-1, SAMPLES * 3)})
    session = onnxruntime.InferenceSession(CNN, providers=["CPUExecutionProvider"])
    [logits] = session.run(["out_0"], {"in_0": np.ascontiguousarray(windows(values).transpose(0, 2, 1))})
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return {"pipeline": flat, "network": exponents / exponents.sum(axis=1, keepdims=True)}


def ask(edge: Edge, stream: str, values: np.ndarray) -> list[dict]:
    message = {"channels": CHANNELS, "t_ms": 0, "rate_hz": 1000, "values": values.tolist()}
    request = urllib.request.Request(f"{edge.url}/v1/samples?stream={stream}", json.dumps(message).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def compare(what: str, results: list[dict], answers: dict[str, np.ndarray]) -> None:
    for name, floats in answers.items():
        found = sorted((r for r in results if r["model"] == name), key=lambda r: r["index"])
        if len(found) != len(floats):
            raise SystemExit(f"{what}: {len(found)} results of {name} for {len(floats)} windows")
        probabilities = np.array([[r["probabilities"][c] for c in CLASSES] for r in found])
        difference = np.abs(probabilities - floats).max()
        named = [CLASSES[index] for index in floats.argmax(axis=1)]
        if difference > TOLERANCE or [r["class"] for r in found] != named:
            raise SystemExit(f"{what}: {name} differs by {difference:.1e}")
        print(f"ok   {what}: {name}, {len(found)} windows, largest difference {difference:.1e}")


def serving(edge: Edge, names) -> bool:
    try:
        ready = edge.get("/ready")
    except urllib.error.HTTPError:
        return False
    return all(f'"{name}"' in ready for name in names)


def check_files(folder: Path, values: np.ndarray, answers: dict[str, np.ndarray]) -> None:
    files = [folder / f"{name}.onnx" for name in answers]
    for engine in ("tract", "ort"):
        edge = Edge(PROGRAMS, folder, *files, "--engine", engine)
        until("both models", lambda: serving(edge, answers))
        compare(f"served from files by {engine}", ask(edge, "s", values), answers)
        edge.stop()


def check_deployed(folder: Path, values: np.ndarray, answers: dict[str, np.ndarray]) -> None:
    service = Trainer(PROGRAMS, folder)
    edge = Edge(PROGRAMS, folder, "--trainer", service.url, "--name", "edge",
                environment={"CIRAME_TOKEN": service.token("adopted")})
    [device] = until("the device", lambda: service.ask("GET", "/api/devices")["items"])
    for name in answers:
        request = {"device_id": device["id"], "model": name}
        deployment = service.ask("POST", "/api/deployments", request)
        state = lambda: service.ask("GET", f"/api/deployments/{deployment['id']}")
        ended = lambda now: now if now["status"] in ("serving", "failed") else None
        done = until(name, lambda: ended(state()))
        if done["status"] == "failed" or not done["proof"]["passed"]:
            raise SystemExit(f"{name} does not serve: {done}")
        times = {judge["engine"]: judge["latency"]["p50_us"] for judge in done["proof"]["judges"]}
        chosen = done["proof"]["served_by"]
        if set(times) != {"tract", "ort"} or chosen != min(times, key=times.get):
            raise SystemExit(f"{name}: {chosen} was chosen of {times}")
        print(f"ok   deployed: {name} is served by {chosen}, of {times} us")
    until("both models", lambda: serving(edge, answers))
    compare("deployed", ask(edge, "s", values), answers)
    edge.stop()
    service.stop()


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        files = folder / "files"
        trainer(folder, "simulate", "vibration", "--classes", ",".join(CLASSES), "--seconds", "4", files)
        trainer(folder, "import", "pump", files, "--time", "t_ns", "--label-from", "column:label")
        recordings = sorted(files.glob("*.csv"))
        original = folder / "original.onnx"
        sklearn_pipeline(recordings, original)
        classes = ("--classes", ",".join(CLASSES))
        for name, path, options in (("pipeline", original, ()), ("network", CNN, ("--logits",))):
            adopted = trainer(folder, "adopt", path, "--dataset", "pump", "--name", name, *options, *classes)
            judges = [judge["engine"] for judge in adopted["report"]["proof"]["judges"]]
            print(f"ok   adopted: {name}, proved by {' and '.join(judges)}")
            trainer(folder, "export", name, "-o", folder / f"{name}.onnx")
        values, _ = read(recordings[5])
        answers = expected(values, original)
        check_files(folder, values, answers)
        check_deployed(folder, values, answers)


if __name__ == "__main__":
    main()
