#!/usr/bin/env python3
"""Checks artifacts as a stranger would: onnx.checker, then golden windows in plain onnxruntime.

usage: check_artifact.py [--json] FILE...

Needs onnx, onnxruntime and numpy; nothing of this project. For every file it prints one line and
exits with 1 if any file fails: the checker refuses it, an output is missing, a float output differs
from the stored one by more than 1e-6 (1e-4 where another program made the graph; of its size, where that
exceeds 1), or a label differs.
"""

import argparse
import base64
import hashlib
import json
import sys

import numpy as np
import onnx
import onnxruntime

# By format version: graphs of other programs (2) compute in 32-bit floats, in whatever order.
TOLERANCE = {1: 1e-6, 2: 1e-4}
FLOAT_OUTPUTS = {"classification": "probabilities", "regression": "value", "anomaly": "score"}


def canonical(value):
    """RFC 8785 for what a lineage holds: sorted keys, no spaces, numbers as JavaScript has them."""
    if isinstance(value, dict):
        # RFC 8785 orders keys by UTF-16 code units.
        items = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(k)}:{canonical(v)}" for k, v in items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(v) for v in value) + "]"
    if isinstance(value, float):
        return canonical_number(value)
    return json.dumps(value, ensure_ascii=False)


def canonical_number(value):
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    if -7 <= int(exponent) < 0:
        return np.format_float_positional(value, unique=True)
    return f"{mantissa}e{int(exponent):+d}"


def check(path):
    """Returns what one file gave; raises where it is refused."""
    data = open(path, "rb").read()
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    manifest = json.loads(metadata["cirame.manifest"])
    golden = json.loads(metadata["cirame.golden"])["windows"]
    if manifest["format_version"] not in TOLERANCE:
        raise ValueError(f"format version {manifest['format_version']}; this script knows 1 and 2")
    inputs = {key: manifest[key] for key in ("lineage", "pipeline")}
    lineage_id = hashlib.sha256(canonical(inputs).encode()).hexdigest()
    if lineage_id != manifest["lineage_id"]:
        raise ValueError("lineage_id does not follow from lineage and pipeline")

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    pipeline = manifest["pipeline"]
    shape = (-1, pipeline["window"]["length_samples"], len(pipeline["channels"]))
    name = FLOAT_OUTPUTS[manifest["task"]]
    difference, labels = 0.0, 0
    one_window = isinstance(session.get_inputs()[0].shape[0], int)
    for batch in ([[g] for g in golden] if one_window else [golden]):
        windows = np.stack([np.frombuffer(base64.b64decode(g["values"]), "<f4") for g in batch])
        names = [output.name for output in session.get_outputs()]
        outputs = dict(zip(names, session.run(None, {"windows": windows.reshape(shape)})))
        stored = np.array([g[name] for g in batch], np.float64)
        found = outputs[name].astype(np.float64)
        if found.shape != stored.shape:
            raise ValueError(f"{name} has shape {found.shape}, {stored.shape} is stored")
        relative = np.abs(found - stored) / np.maximum(np.abs(stored), 1.0)
        difference = max(difference, float(relative.max()))
        if "label" in outputs:
            labels += int((outputs["label"] != [g["label"] for g in batch]).sum())
    return {
        "file": path,
        "task": manifest["task"],
        "estimator": manifest["lineage"]["estimator"],
        "artifact_sha256": hashlib.sha256(data).hexdigest(),
        "lineage_id": lineage_id,
        "golden_windows": len(golden),
        "difference_max": difference,
        "labels_differing": labels,
        "ok": difference <= TOLERANCE[manifest["format_version"]] and labels == 0,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    failed = False
    for path in arguments.files:
        try:
            result = check(path)
        except Exception as error:  # whatever refuses the file is the answer
            result = {"file": path, "ok": False, "error": f"{type(error).__name__}: {error}"}
        failed |= not result["ok"]
        if arguments.json:
            print(json.dumps(result))
        elif "error" in result:
            print(f"{path}: FAILED: {result['error']}")
        else:
            verdict = "ok" if result["ok"] else "FAILED"
            print(
                f"{path}: {verdict}: {result['task']} by {result['estimator']}, "
                f"{result['golden_windows']} golden windows, largest difference "
                f"{result['difference_max']:.1e}, {result['labels_differing']} labels differ"
            )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
