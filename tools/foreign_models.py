#!/usr/bin/env python3
"""Trains the small models of other programs that the tests adopt, and writes them with the answers
that Python's onnxruntime gives for them.

usage: foreign_models.py PROGRAMS [--cnn]

PROGRAMS is the folder with cirame-trainer, whose simulated machines the models learn from. It
writes into trainer/tests/foreign:

* sklearn_forest, sklearn_regressor, sklearn_isolation, sklearn_zipmap, sklearn_double: pipelines of
  scikit-learn through skl2onnx (requirements.txt has both).
* one_unit: two classes, one number: a dense layer with one unit, as networks for two classes end, with
  the logit `[N, 1]` and its sigmoid `[N]`.
* flax_cnn, with --cnn: a convolutional network of Flax, exported by jax2onnx. It is committed, so
  that nobody needs JAX (1 GB) for the tests; to train it anew:
  python3 -m venv jax && jax/bin/pip install jax2onnx==0.17.1 flax==0.12.8 onnxruntime pandas
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas

FOLDER = Path(__file__).resolve().parent.parent / "trainer/tests/foreign"
SAMPLES, STRIDE = 128, 64
CHANNELS = ["accX", "accY", "accZ"]
CLASSES = ["cavitation", "imbalance", "normal"]
INPUTS = ["speed", "valve", "inlet_pressure", "outlet_pressure", "flow", "current"]


def recordings(programs, *plan):
    with tempfile.TemporaryDirectory() as folder:
        command = [Path(programs).resolve() / "cirame-trainer", "simulate", *plan, "files"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return [pandas.read_csv(path) for path in sorted(Path(folder).glob("files/*.csv"))]


def pump(programs):
    """Windows [N, W, C] of the simulated pump with their classes."""
    windows, classes = [], []
    plan = ("vibration", "--classes", ",".join(CLASSES), "--seconds", "4")
    for table in recordings(programs, *plan):
        values = table[CHANNELS].to_numpy(np.float32)
        for start in range(0, len(values) - SAMPLES + 1, STRIDE):
            windows.append(values[start : start + SAMPLES])
            classes.append(table["label"][0])
    return np.stack(windows), np.array(classes)


def plant(programs):
    """Rows [N, C] of the simulated plant with its power."""
    tables = recordings(programs, "process", "--classes", "normal", "--per-class", "2", "--seconds", "300")
    table = pandas.concat(tables)
    return table[INPUTS].to_numpy(np.float32), table["power"].to_numpy(np.float32)


def write(name, model, inputs, windows):
    """Writes a model and what Python's onnxruntime answers: `inputs` are what the model takes for the
    time-major `windows`."""
    data = model.SerializeToString()
    (FOLDER / f"{name}.onnx").write_bytes(data)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    answers = session.run(None, {session.get_inputs()[0].name: inputs})
    floats = next(np.asarray(a) for a in answers if getattr(a, "dtype", None) == np.float32)
    document = {
        "windows": [[float(v) for v in window.flatten()] for window in windows],
        "floats": [[float(v) for v in row.reshape(-1)] for row in floats],
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(document) + "\n")
    print(f"{name}: {len(data)} bytes")


def sklearn_models(programs):
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    from sklearn.ensemble import IsolationForest, RandomForestClassifier
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def convert(model, width, kind=FloatTensorType, **options):
        opset = {"": 17, "ai.onnx.ml": 3}
        return convert_sklearn(model, initial_types=[("X", kind([None, width]))], target_opset=opset, **options)

    windows, classes = pump(programs)
    flat = windows.reshape(len(windows), -1)
    some = np.linspace(0, len(windows) - 1, 6).astype(int)

    forest = RandomForestClassifier(n_estimators=12, max_depth=5, random_state=7)
    model = make_pipeline(StandardScaler(), forest).fit(flat, classes)
    plain = {id(forest): {"zipmap": False}}
    write("sklearn_forest", convert(model, flat.shape[1], options=plain), flat[some], windows[some])
    (FOLDER / "sklearn_zipmap.onnx").write_bytes(convert(model, flat.shape[1]).SerializeToString())
    double = convert(model, flat.shape[1], DoubleTensorType, options=plain)
    (FOLDER / "sklearn_double.onnx").write_bytes(double.SerializeToString())

    normal = flat[classes == "normal"]
    isolation = IsolationForest(n_estimators=20, max_samples=64, random_state=7).fit(normal)
    write("sklearn_isolation", convert(isolation, flat.shape[1]), flat[some], windows[some])

    rows, power = plant(programs)
    network = MLPRegressor(hidden_layer_sizes=(12,), random_state=7, max_iter=4000, tol=1e-6)
    model = make_pipeline(StandardScaler(), network).fit(rows, power)
    few = np.linspace(0, len(rows) - 1, 6).astype(int)
    write("sklearn_regressor", convert(model, rows.shape[1]), rows[few], rows[few])


def one_unit(programs):
    from onnx import TensorProto, helper, numpy_helper
    from sklearn.linear_model import LogisticRegression

    windows, classes = pump(programs)
    flat = windows.reshape(len(windows), -1)
    # Which of two simulated states it is, by how much each channel moves; the layer sees the raw window.
    energy = (windows**2).mean(axis=1)
    fitted = LogisticRegression().fit(energy, classes != "normal")
    average = np.zeros((flat.shape[1], len(CHANNELS)), np.float32)
    average[np.arange(flat.shape[1]), np.arange(flat.shape[1]) % len(CHANNELS)] = 1 / SAMPLES
    constants = {
        "average": average,
        "weights": fitted.coef_.T.astype(np.float32),
        "bias": fitted.intercept_.astype(np.float32),
        "all": np.array([-1], np.int64),
    }
    nodes = [
        helper.make_node("Mul", ["X", "X"], ["squares"]),
        helper.make_node("MatMul", ["squares", "average"], ["energy"]),
        helper.make_node("Gemm", ["energy", "weights", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["column"]),
        helper.make_node("Reshape", ["column", "all"], ["probability"]),
    ]
    graph = helper.make_graph(
        nodes,
        "one_unit",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, flat.shape[1]])],
        [
            helper.make_tensor_value_info("logit", TensorProto.FLOAT, [None, 1]),
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    some = np.linspace(0, len(windows) - 1, 6).astype(int)
    write("one_unit", model, flat[some], windows[some])


def flax_cnn(programs):
    import jax
    import jax.numpy as jnp
    import optax
    from flax import nnx
    from jax2onnx import to_onnx

    class Network(nnx.Module):
        def __init__(self, rngs):
            self.first = nnx.Conv(3, 8, kernel_size=(7,), strides=(2,), rngs=rngs)
            self.second = nnx.Conv(8, 8, kernel_size=(5,), strides=(2,), rngs=rngs)
            self.head = nnx.Linear(8, len(CLASSES), rngs=rngs)

        def __call__(self, windows):
            # Channels first outside, as many exporters have it; Flax convolves over the middle.
            hidden = jnp.transpose(windows, (0, 2, 1))
            hidden = nnx.relu(self.first(hidden))
            hidden = nnx.relu(self.second(hidden))
            return self.head(jnp.mean(hidden, axis=1))

    windows, classes = pump(programs)
    inputs = np.ascontiguousarray(windows.transpose(0, 2, 1))
    truth = np.searchsorted(CLASSES, classes)
    network = Network(nnx.Rngs(7))
    optimizer = nnx.Optimizer(network, optax.adam(3e-3), wrt=nnx.Param)

    @nnx.jit
    def step(network, optimizer):
        def loss(network):
            return optax.softmax_cross_entropy_with_integer_labels(network(inputs), truth).mean()

        value, gradient = nnx.value_and_grad(loss)(network)
        optimizer.update(network, gradient)
        return value

    for _ in range(400):
        value = step(network, optimizer)
    accuracy = float((jnp.argmax(network(inputs), axis=1) == truth).mean())
    print(f"flax_cnn: loss {float(value):.3f}, accuracy on what it learned from {accuracy:.3f}")
    model = to_onnx(network, [("B", len(CHANNELS), SAMPLES)], opset=18)
    some = np.linspace(0, len(windows) - 1, 6).astype(int)
    write("flax_cnn", model, inputs[some], windows[some])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs")
    parser.add_argument("--cnn", action="store_true", help="the network of Flax instead")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    if arguments.cnn:
        flax_cnn(arguments.programs)
    else:
        sklearn_models(arguments.programs)
        one_unit(arguments.programs)


if __name__ == "__main__":
    main()
