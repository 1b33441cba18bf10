"""The edge's Open Inference Protocol, asked by tritonclient as it is, against plain onnxruntime.

    python tools/check_inference.py FOLDER_WITH_THE_PROGRAMS
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import tritonclient.http as triton
from tritonclient.http.auth import BasicAuth
from tritonclient.utils import InferenceServerException

from service import Edge, until

PROGRAMS = Path(sys.argv[1]).resolve()
TOLERANCE = 1e-6


def trainer(folder: Path, *arguments: str) -> None:
    command = [str(PROGRAMS / "cirame-trainer"), "--data", str(folder / "data"), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def tensor(windows: np.ndarray, **options) -> list[triton.InferInput]:
    made = triton.InferInput("windows", list(windows.shape), "FP32")
    made.set_data_from_numpy(windows, **options)
    return [made]


def asked(*names: str, binary: bool) -> list[triton.InferRequestedOutput]:
    return [triton.InferRequestedOutput(name, binary_data=binary) for name in names]


def refused(what: str, says: str, call) -> None:
    try:
        call()
    except InferenceServerException as error:
        if says not in error.message():
            raise SystemExit(f"{what} is refused with {error.message()!r}, not with {says!r}") from None
        print(f"ok   {what} is refused: {error.message()}")
        return
    raise SystemExit(f"{what} is not refused")


def check_descriptions(client: triton.InferenceServerClient) -> list[int]:
    """What server and model say of themselves; the shape of a window."""
    assert client.is_server_live()
    until("the model's service", client.is_server_ready)
    assert client.is_model_ready("pump") and client.is_model_ready("pump", "1")
    assert not client.is_model_ready("pump", "2") and not client.is_model_ready("nothing")
    server = client.get_server_metadata()
    assert server["extensions"] == ["binary_tensor_data", "model_configuration", "statistics"], server
    print("ok   live, ready, model ready:", server["name"], server["extensions"])
    metadata = client.get_model_metadata("pump")
    assert metadata == client.get_model_metadata("pump", "1"), metadata
    [windows] = metadata["inputs"]
    assert (windows["name"], windows["datatype"], windows["shape"][0]) == ("windows", "FP32", -1), metadata
    assert [output["name"] for output in metadata["outputs"]] == ["probabilities", "label"], metadata
    config = client.get_model_config("pump")
    assert config["input"][0]["dims"] == windows["shape"], config
    assert [output["data_type"] for output in config["output"]] == ["TYPE_FP32", "TYPE_INT64"], config
    assert client.get_model_repository_index() == [
        {"name": "pump", "version": "1", "state": "READY", "reason": ""}
    ]
    print("ok   metadata, configuration and index:", windows["shape"])
    return [int(size) for size in windows["shape"][1:]]


def check_answers(client: triton.InferenceServerClient, session, windows: np.ndarray) -> None:
    """Every way of sending and asking gives the same, and what onnxruntime gives."""
    names = ["probabilities", "label"]
    expected = dict(zip(names, session.run(names, {"windows": windows})))
    answers = {
        "the client's defaults": client.infer("pump", tensor(windows)),
        "JSON both ways": client.infer(
            "pump", tensor(windows, binary_data=False), outputs=asked(*names, binary=False)
        ),
        "JSON in, binary out": client.infer(
            "pump", tensor(windows, binary_data=False), outputs=asked(*names, binary=True)
        ),
        "binary in, one output of each kind": client.infer(
            "pump", tensor(windows), model_version="1", request_id="7",
            outputs=asked("label", binary=True) + asked("probabilities", binary=False),
        ),
        "a request that does not wait": client.async_infer("pump", tensor(windows)).get_result(),
    }
    for way, answer in answers.items():
        difference = np.abs(answer.as_numpy("probabilities") - expected["probabilities"]).max()
        assert difference <= TOLERANCE, (way, difference)
        label = answer.as_numpy("label")
        assert label.dtype == np.int64 and (label == expected["label"]).all(), way
    assert answer.get_response()["model_name"] == "pump"
    assert answers["binary in, one output of each kind"].get_response()["id"] == "7"
    print(f"ok   {len(windows)} windows, {len(answers)} ways: onnxruntime differs by at most {difference:.1e}")
    one = client.infer("pump", tensor(windows), outputs=asked("label", binary=True))
    assert [output["name"] for output in one.get_response()["outputs"]] == ["label"]
    none = client.infer("pump", tensor(windows[:0]))
    assert none.as_numpy("probabilities").shape == (0, expected["probabilities"].shape[1])
    print("ok   only the output that was asked for; no windows, no answers")


def check_refusals(client: triton.InferenceServerClient, windows: np.ndarray) -> None:
    def infer(changed=windows, **options):
        return lambda: client.infer("pump", tensor(changed), **options)

    refused("a window of another length", "has the shape [N, ", infer(windows[:, :-1]))
    refused("too many windows", "at most 1024", infer(np.zeros((1025, *windows.shape[1:]), np.float32)))
    broken = windows.copy()
    broken[-1, 3, 1] = np.nan
    refused("a value that is none", f"window {len(windows) - 1}, sample 3", infer(broken))
    refused("an output that is not there", "there is no output", infer(outputs=asked("nothing", binary=True)))
    classes = [triton.InferRequestedOutput("probabilities", class_count=2)]
    refused("classification", '"classification"', infer(outputs=classes))
    refused("a sequence", '"sequence_id"', infer(sequence_id=5, sequence_start=True))
    refused("a parameter", '"speed" of the request', infer(parameters={"speed": 3}))
    for way in ("gzip", "deflate"):
        refused(way, "compressed bodies are not accepted", infer(request_compression_algorithm=way))
    refused("another model", "in service: `pump`", lambda: client.get_model_metadata("nothing"))
    refused("another version", "version 1 is", infer(model_version="2"))
    refused("loading", "by deployments", lambda: client.load_model("pump"))


def check_statistics(client: triton.InferenceServerClient, windows: np.ndarray) -> None:
    [before] = client.get_inference_statistics("pump")["model_stats"]
    for _ in range(5):
        client.infer("pump", tensor(windows))
    [after] = client.get_inference_statistics()["model_stats"]
    assert after["inference_count"] - before["inference_count"] == 5 * len(windows), after
    assert after["execution_count"] - before["execution_count"] == 5, after
    spent = after["inference_stats"]
    for name in ("success", "queue", "compute_input", "compute_infer", "compute_output"):
        assert spent[name]["count"] == after["execution_count"] and spent[name]["ns"] > 0, spent
    assert spent["fail"]["count"] > 0, "refusals count as failures"
    mean_us = spent["compute_infer"]["ns"] / spent["compute_infer"]["count"] / 1000
    print(f"ok   statistics: {after['execution_count']} requests, the engine took {mean_us:.0f} us for one")


def check_token(folder: Path) -> None:
    token = "a-token-of-the-plant"
    edge = Edge(PROGRAMS, folder, folder / "pump.onnx", environment={"CIRAME_HTTP_TOKEN": token})
    try:
        url = edge.url.removeprefix("http://")
        client = triton.InferenceServerClient(url)
        until("the model's service", client.is_server_ready)
        refused("a client without the token", "wants its token", client.get_server_metadata)
        shown = {"Authorization": f"Bearer {token}"}
        assert client.get_server_metadata(headers=shown)["name"] == "cirame-edge"
        client.register_plugin(BasicAuth("anybody", token))
        assert client.get_model_metadata("pump")["name"] == "pump"
        print("ok   the token opens, as a bearer and as a password")
    finally:
        edge.stop()


def check(folder: Path, client: triton.InferenceServerClient) -> None:
    shape = check_descriptions(client)
    session = onnxruntime.InferenceSession(str(folder / "pump.onnx"), providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(1)
    for count in (1, 7, 300):
        windows = generator.normal(size=(count, *shape)).astype(np.float32)
        check_answers(client, session, windows)
    check_refusals(client, windows[:7])
    check_statistics(client, windows[:7])


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trainer(folder, "simulate", "vibration", "--seconds", "4", "--per-class", "2", "--into", "pump")
        trainer(folder, "train", "pump", "--estimator", "random_forest_classifier", "--name", "pump")
        trainer(folder, "export", "pump", "-o", str(folder / "pump.onnx"))
        edge = Edge(PROGRAMS, folder, folder / "pump.onnx")
        try:
            check(folder, triton.InferenceServerClient(edge.url.removeprefix("http://")))
        finally:
            edge.stop()
        check_token(folder)


main()
