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
from tritonclient.utils import InferenceServerException

from service import Edge, until

PROGRAMS = Path(sys.argv[1]).resolve()
TOLERANCE = 1e-6


def trainer(folder: Path, *arguments: str) -> None:
    command = [str(PROGRAMS / "cirame-trainer"), "--data", str(folder / "data"), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def ask(client: triton.InferenceServerClient, windows: np.ndarray, **options) -> triton.InferResult:
    tensor = triton.InferInput("windows", list(windows.shape), "FP32")
    tensor.set_data_from_numpy(windows, binary_data=options.pop("binary_data", False))
    names = options.pop("outputs", ["probabilities", "label"])
    outputs = [triton.InferRequestedOutput(name, binary_data=False) for name in names]
    return client.infer("pump", [tensor], outputs=outputs, **options)


def refused(what: str, call) -> None:
    try:
        call()
    except InferenceServerException as error:
        print(f"ok   {what} is refused: {error.message()}")
        return
    raise SystemExit(f"{what} is not refused")


def check(folder: Path, client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    until("the model's service", client.is_server_ready)
    assert client.is_model_ready("pump")
    print("ok   live, ready, model ready:", client.get_server_metadata()["name"])
    metadata = client.get_model_metadata("pump")
    [tensor] = metadata["inputs"]
    assert (tensor["name"], tensor["datatype"]) == ("windows", "FP32"), metadata
    assert [output["name"] for output in metadata["outputs"]] == ["probabilities", "label"], metadata
    print("ok   metadata:", tensor["shape"], [output["shape"] for output in metadata["outputs"]])
    session = onnxruntime.InferenceSession(str(folder / "pump.onnx"), providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(1)
    for count in (1, 7):
        shape = (count, *(int(size) for size in tensor["shape"][1:]))
        windows = generator.normal(size=shape).astype(np.float32)
        answer = ask(client, windows, request_id=f"request-{count}")
        expected = dict(zip(["probabilities", "label"], session.run(["probabilities", "label"], {"windows": windows})))
        difference = np.abs(answer.as_numpy("probabilities") - expected["probabilities"]).max()
        assert difference <= TOLERANCE, difference
        assert (answer.as_numpy("label") == expected["label"]).all()
        assert answer.get_response()["id"] == f"request-{count}"
        print(f"ok   {count} windows: onnxruntime differs by at most {difference:.1e}")
    one = ask(client, windows, outputs=["label"]).get_response()["outputs"]
    assert [output["name"] for output in one] == ["label"], one
    print("ok   only the output that was asked for")
    refused("a window of another length", lambda: ask(client, windows[:, :-1]))
    refused("an output that is not there", lambda: ask(client, windows, outputs=["nothing"]))
    refused("binary tensor data", lambda: ask(client, windows, binary_data=True))
    refused("another model", lambda: client.get_model_metadata("nothing"))


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


main()
