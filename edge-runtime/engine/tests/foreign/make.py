"""Writes the small foreign models beside this file, with what ONNX's own evaluator answers.

    python3 make.py      (needs the packages numpy and onnx)

Each is the kind of file that another program exports: no `cirame.` metadata.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.inliner import inline_local_functions
from onnx.reference import ReferenceEvaluator

HERE = Path(__file__).resolve().parent
random = np.random.default_rng(11)


def constant(name, *shape):
    return numpy_helper.from_array(random.normal(0, 0.5, shape).astype(np.float32), name)


def floats(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def integers(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.INT64, shape)


def model(nodes, inputs, outputs, constants=(), functions=(), domains=()):
    graph = helper.make_graph(nodes, "foreign", inputs, outputs, list(constants))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    opsets += [helper.make_opsetid(domain, 1) for domain in domains]
    made = helper.make_model(graph, opset_imports=opsets, functions=list(functions))
    made.ir_version = 8
    return made


def mlp():
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["p"], axis=1),
        helper.make_node("ArgMax", ["p"], ["label"], axis=1, keepdims=0),
    ]
    weights = [constant("w1", 6, 8), constant("b1", 8), constant("w2", 8, 3), constant("b2", 3)]
    return model(nodes, [floats("x", "batch", 6)], [integers("label", "batch"), floats("p", "batch", 3)], weights)


def cnn(batch="n"):
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["t", "w1", "b1"], ["c"], kernel_shape=[3], pads=[1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["m"], kernel_shape=[2], strides=[2]),
        helper.make_node("GlobalAveragePool", ["m"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"], axis=1),
        helper.make_node("Gemm", ["f", "w2", "b2"], ["y"]),
    ]
    weights = [constant("w1", 5, 2, 3), constant("b1", 5), constant("w2", 5, 2), constant("b2", 2)]
    return model(nodes, [floats("x", batch, 16, 2)], [floats("y", batch, 2)], weights)


def forest(mode="BRANCH_LEQ"):
    """Two trees of three leaves; labels that are no positions."""
    split, leaf = [mode], ["LEAF"]
    leaves = [(tree, node) for tree in range(2) for node in (2, 3, 4)]
    weights = random.uniform(0, 0.5, (6, 3)).astype(np.float32)
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "p"],
        domain="ai.onnx.ml",
        nodes_treeids=[0] * 5 + [1] * 5,
        nodes_nodeids=[0, 1, 2, 3, 4] * 2,
        nodes_featureids=[0, 1, 0, 0, 0, 2, 0, 0, 0, 0],
        nodes_values=[0.25, -0.5, 0, 0, 0, 0.0, 0.75, 0, 0, 0],
        nodes_modes=(split * 2 + leaf * 3) * 2,
        nodes_truenodeids=[1, 3, 0, 0, 0] * 2,
        nodes_falsenodeids=[2, 4, 0, 0, 0] * 2,
        nodes_missing_value_tracks_true=[0] * 10,
        class_treeids=[tree for tree, _ in leaves for _ in range(3)],
        class_nodeids=[node for _, node in leaves for _ in range(3)],
        class_ids=[0, 1, 2] * 6,
        class_weights=weights.flatten().tolist(),
        classlabels_int64s=[2, 5, 7],
        post_transform="NONE",
    )
    return model([node], [floats("x", "n", 3)], [integers("label", "n"), floats("p", "n", 3)])


def shadow():
    """A function named like a standard operator that does something else."""
    opset = [helper.make_opsetid("", 17)]
    body = [helper.make_node("Relu", ["a"], ["b"])]
    function = helper.make_function("com.example", "Neg", ["a"], ["b"], body, opset)
    nodes = [helper.make_node("Neg", ["x"], ["y"], domain="com.example")]
    shape = ("n", 4)
    return model(nodes, [floats("x", *shape)], [floats("y", *shape)], (), [function], ["com.example"])


def nested():
    """Functions in functions, an attribute handed on, one formal name used twice."""
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    leaky = helper.make_node("LeakyRelu", ["a"], ["b"])
    leaky.attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT))
    inner = helper.make_function("com.example", "Leak", ["a"], ["b"], [leaky], opset[:1], ["slope"])
    twice = [
        helper.make_node("Leak", ["a"], ["b"], domain="com.example", slope=0.5),
        helper.make_node("Leak", ["b"], ["c"], domain="com.example", slope=0.25),
        helper.make_node("Add", ["c", "a"], ["d"]),
    ]
    outer = helper.make_function("com.example", "Twice", ["a"], ["d"], twice, opset)
    nodes = [
        helper.make_node("Twice", ["x"], ["b"], domain="com.example"),
        helper.make_node("Twice", ["b"], ["y"], domain="com.example"),
    ]
    shape = ("n", 4)
    return model(nodes, [floats("x", *shape)], [floats("y", *shape)], (), [inner, outer], ["com.example"])


def unknown():
    """A call of a function that nobody defines, named like a standard operator."""
    nodes = [helper.make_node("Neg", ["x"], ["y"], domain="com.example")]
    return model(nodes, [floats("x", "n", 4)], [floats("y", "n", 4)], (), (), ["com.example"])


RUN = {"mlp": mlp(), "cnn": cnn(), "cnn_one_window": cnn(1), "forest": forest(), "shadow": shadow(), "nested": nested()}
REFUSED = {"forest_lt": forest("BRANCH_LT"), "unknown": unknown(), "two_windows": cnn(2)}


def main():
    expected = {}
    for name, made in {**RUN, **REFUSED}.items():
        (HERE / f"{name}.onnx").write_bytes(made.SerializeToString())
    for name, made in RUN.items():
        onnx.checker.check_model(made)
        value = made.graph.input[0]
        inner = [dim.dim_value for dim in value.type.tensor_type.shape.dim][1:]
        windows = random.normal(0, 1, (5, *inner)).astype(np.float32)
        evaluator = ReferenceEvaluator(inline_local_functions(made))
        answers = [evaluator.run(None, {value.name: window[None]}) for window in windows]
        names = [output.name for output in made.graph.output]
        columns = {name: np.concatenate([a[i] for a in answers]) for i, name in enumerate(names)}
        of_type = lambda kind: [c for c in columns.values() if c.dtype == kind]
        expected[name] = {
            "windows": [[float(v) for v in w.flatten()] for w in windows],
            "floats": [float(v) for v in of_type(np.float32)[0].flatten()],
            "labels": next((c.tolist() for c in of_type(np.int64)), None),
        }
    lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in expected.items()]
    (HERE / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
