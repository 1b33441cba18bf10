"""Writes operators.json: what ONNX Runtime answers for every operator of the closed set.

Small random cases with broadcasting, negative axes, ties, empty and scalar shapes, and forests with
two and three classes, values on thresholds and NaN. Run: python3 operators.py (NumPy, onnx,
onnxruntime); the output is committed.
"""

import base64
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

F32, F64, I64, BOOL = np.float32, np.float64, np.int64, np.bool_
EXACT = 0.0
cases = []
rng = np.random.default_rng(17)


def numbers(shape, dtype, low=-4.0, high=4.0):
    if dtype is BOOL:
        return rng.integers(0, 2, shape).astype(bool)
    if dtype is I64:
        return rng.integers(int(low), int(high), shape)
    # A coarse grid gives ties; the rest of the values has all its digits.
    coarse = np.round(rng.uniform(low, high, shape) * 4) / 4
    fine = rng.uniform(low, high, shape)
    return np.where(rng.random(shape) < 0.5, coarse, fine).astype(dtype)


def tensor(value, tolerance=EXACT):
    value = np.asarray(value)
    if tolerance > 0:
        # As numbers, so that a comparison with what is written elsewhere can allow for rounding.
        numbers = [float(x) for x in value.ravel()]
        return {"type": value.dtype.name, "shape": list(value.shape), "values": numbers}
    raw = value.astype(value.dtype.newbyteorder("<")).tobytes()
    return {"type": value.dtype.name, "shape": list(value.shape), "data": base64.b64encode(raw).decode()}


def attribute(value):
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, (int, np.integer)):
        return {"int": int(value)}
    if isinstance(value[0], str):
        return {"texts": value}
    if isinstance(value[0], float):
        return {"floats": value}
    return {"ints": [int(x) for x in value]}


def case(op, inputs, tolerance=EXACT, domain="", outputs=1, unread=0, **attributes):
    """Runs one node and keeps what it gave but for the first `unread` outputs; an input of None is
    left out."""
    given = [None if x is None else np.asarray(x) for x in inputs]
    names = ["" if x is None else f"x{i}" for i, x in enumerate(given)]
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, names, results, domain=domain, **attributes)
    types = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE,
             "int64": TensorProto.INT64, "bool": TensorProto.BOOL}
    graph = helper.make_graph(
        [node],
        "case",
        [helper.make_tensor_value_info(n, types[x.dtype.name], x.shape)
         for n, x in zip(names, given) if x is not None],
        [helper.make_empty_tensor_value_info(r) for r in results],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found = session.run(results, {n: x for n, x in zip(names, given) if x is not None})
    cases.append({
        "operator": op,
        "domain": domain,
        "attributes": {name: attribute(value) for name, value in attributes.items()},
        "inputs": [None if x is None else tensor(x) for x in given],
        "outputs": [None if at < unread else tensor(x, tolerance) for at, x in enumerate(found)],
        "tolerance": tolerance,
    })


def element_by_element():
    shapes = [(), (3,), (2, 3), (2, 0, 3), (2, 3, 4)]
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 3e38])
    for dtype in (F32, F64):
        close = 1e-6 if dtype is F32 else 1e-14
        for shape in shapes:
            x = numbers(shape, dtype)
            case("Abs", [x])
            case("Floor", [x])
            case("Sqrt", [np.abs(x)])
            case("Exp", [x], close)
            case("Log", [np.abs(x) + dtype(0.01)], close)
            case("Sigmoid", [x * dtype(5)], 1e-6)
        with np.errstate(over="ignore"):
            odd = special.astype(dtype)
        case("Abs", [odd])
        case("Floor", [odd])
        case("Sqrt", [np.abs(odd)])
    case("Abs", [numbers((5,), I64)])
    case("Not", [numbers((2, 3), BOOL)])


def broadcasting():
    pairs = [((), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), ()), ((), (4,)), ((2, 1, 3), (4, 1)),
             ((2, 3, 4), (2, 3, 1)), ((2, 3, 4), (1, 3, 1)), ((1, 4), (3, 1)), ((0, 3), (1, 3)),
             ((5, 1, 2, 1), (3, 1, 4)), ((2, 3, 4), (2, 1, 1))]
    for a_shape, b_shape in pairs:
        for dtype in (F32, F64, I64):
            a, b = numbers(a_shape, dtype), numbers(b_shape, dtype)
            for op in ("Add", "Sub", "Mul", "Max", "Min", "Equal", "Greater", "GreaterOrEqual", "Less"):
                case(op, [a, b])
            if dtype is not I64:
                case("Div", [a, np.where(b == 0, dtype(0.3), b)])
            case("Where", [numbers(a_shape, BOOL), b, numbers((1,), dtype)])
        case("And", [numbers(a_shape, BOOL), numbers(b_shape, BOOL)])
    nan, one = np.array([np.nan, 1, np.nan, 0], F32), np.array([1, np.nan, np.nan, -0.0], F32)
    for op in ("Max", "Min", "Equal", "Greater", "GreaterOrEqual", "Less"):
        case(op, [nan, one])
    case("Div", [np.array([1, -1, 0], F32), np.zeros(3, F32)])


def folding():
    for dtype in (F32, F64, I64):
        exact = EXACT if dtype is I64 else (1e-6 if dtype is F32 else 1e-14)
        for shape, axes in [((4,), [0]), ((2, 3, 4), [1]), ((2, 3, 4), [-1]), ((2, 3, 4), [0, 2]),
                            ((2, 3, 4), [-2, 0]), ((2, 3, 1, 2), [2]), ((3, 5), [0, 1])]:
            x = numbers(shape, dtype)
            for keep in (0, 1):
                case("ReduceSum", [x, np.array(axes)], exact, keepdims=keep)
                case("ReduceMax", [x], axes=axes, keepdims=keep)
                case("ReduceMin", [x], axes=axes, keepdims=keep)
        x = numbers((2, 3), dtype)
        case("ReduceSum", [x], exact)
        case("ReduceMax", [x])
        case("ReduceSum", [x, np.zeros(0, I64)], noop_with_empty_axes=1)
        for axis in (0, 1, -1):
            for last in (0, 1):
                for keep in (0, 1):
                    ties = np.round(numbers((4, 5, 3), dtype, -2, 2)).astype(dtype)
                    for op in ("ArgMax", "ArgMin"):
                        case(op, [ties], axis=axis, keepdims=keep, select_last_index=last)
            for exclusive in (0, 1):
                for reverse in (0, 1):
                    case("CumSum", [numbers((3, 4, 2), dtype), np.array(axis)], exact,
                         exclusive=exclusive, reverse=reverse)
    case("CumSum", [numbers((4,), F64), np.array([0])], 1e-14)


def moving():
    for dtype in (F32, F64, I64, BOOL):
        x = numbers((2, 3, 4), dtype)
        case("Transpose", [x])
        for perm in ([0, 2, 1], [2, 0, 1], [1, 0, 2], [0, 1, 2]):
            case("Transpose", [x], perm=perm)
        for axis in (0, 1, 2, 3, -1):
            case("Flatten", [x], axis=axis)
        for axis in (0, 1, -1):
            other = numbers([5 if d == axis % 3 else n for d, n in enumerate(x.shape)], dtype)
            case("Concat", [x, other, x], axis=axis)
            case("Gather", [x, np.array([[1, -1], [0, 1]])], axis=axis)
            case("Gather", [x, np.array(-2)], axis=axis)
        case("Unsqueeze", [x, np.array([0, -1])])
        case("Unsqueeze", [x, np.array([2])])
        case("Squeeze", [x[:, :1, :], np.array([1])])
        case("Squeeze", [x[:1, :, :1], np.array([-1, 0])])
        case("Squeeze", [x[:1, :, :1]])
        for to in (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.BOOL):
            case("Cast", [x], to=int(to))
        slices = [([1], [3], [2], None), ([0, 1], [2, 4], [1, -1], None), ([-1], [-9], [2], [-1]),
                  ([0], [100], [1], [2]), ([2], [1], [0], None), ([0, 0, 0], [2, 2, 2], None, None),
                  ([3], [0], [2], [-2]), ([-100], [2**62], [1], None), ([1, 0], [2, 9], [0, 2], [1, 3])]
        for starts, ends, axes, steps in slices:
            inputs = [x, np.array(starts), np.array(ends)]
            if axes is not None or steps is not None:
                inputs.append(None if axes is None else np.array(axes))
            if steps is not None:
                inputs.append(np.array(steps))
            case("Slice", inputs)
    for dtype in (F32, F64, I64):
        ties = np.round(numbers((3, 6, 2), dtype, -2, 2)).astype(dtype)
        for axis, k in [(1, 6), (-2, 4), (0, 2), (2, 1), (1, 0)]:
            for largest in (0, 1):
                case("TopK", [ties, np.array([k])], outputs=2, axis=axis, largest=largest, sorted=1)
    third = numbers((4,), F32)
    case("Cast", [np.append(third, F32(0.1))], to=int(TensorProto.DOUBLE))
    case("Cast", [np.array([0.1, 1e-50, 1 + 2**-24, 1e300, -0.0])], to=int(TensorProto.FLOAT))


def products():
    for dtype in (F32, F64):
        close = 2e-6 if dtype is F32 else 1e-13
        for a, b in [((3, 4), (4, 2)), ((4,), (4, 2)), ((3, 4), (4,)), ((4,), (4,)), ((2, 3, 4), (4, 5)),
                     ((2, 1, 3, 4), (5, 4, 2)), ((1, 60), (60, 7)), ((0, 4), (4, 2))]:
            case("MatMul", [numbers(a, dtype), numbers(b, dtype)], close)
        for axis in (0, 1, -1):
            case("Softmax", [numbers((3, 4, 2), dtype) * dtype(6)], 1e-6, axis=axis)
        case("Softmax", [np.array([[1e4, -1e4, 0], [88, 89, 90]], dtype)], 1e-6, axis=1)
    for n in (1, 2, 3, 8, 12, 31, 64, 100):
        x = numbers((2, n, 1), F64)
        case("DFT", [x], 1e-12, axis=-2)
        case("DFT", [x], 1e-12, axis=1, onesided=1)
        # ONNX Runtime scales the inverse by a reciprocal rounded to 32 bits.
        case("DFT", [numbers((2, n, 2), F64)], 1e-7, axis=-2, inverse=1)
        case("DFT", [numbers((3, n, 2, 1), F64)], 1e-12, axis=-3)
    case("DFT", [numbers((2, 8, 1), F64), np.array(5)], 1e-12, axis=-2)
    case("DFT", [numbers((2, 8, 1), F64), np.array(11)], 1e-12, axis=-2)


def grow(depth, width, outputs, trees, nodes, weights):
    """Appends a random tree to the attribute lists and returns the id of its root."""
    at = len(nodes)
    nodes.append(None)
    if depth == 0 or (depth < 4 and rng.random() < 0.2):
        nodes[at] = (0, 0.0, "LEAF", 0, 0)
        raw = rng.random(outputs)
        share = raw / raw.sum() / trees if outputs > 1 else (raw - 0.5) / trees
        weights.append((at, share))
        return at
    left = grow(depth - 1, width, outputs, trees, nodes, weights)
    right = grow(depth - 1, width, outputs, trees, nodes, weights)
    # A coarse threshold is met exactly by coarse values.
    threshold = float(np.round(rng.uniform(-4, 4) * 4) / 4)
    nodes[at] = (int(rng.integers(width)), threshold, "BRANCH_LEQ", left, right)
    return at


def forest(trees, depth, width, outputs):
    lists = {name: [] for name in ("treeids", "nodeids", "featureids", "values", "modes",
                                   "truenodeids", "falsenodeids", "missing_value_tracks_true")}
    entries = []
    for tree in range(trees):
        nodes, weights = [], []
        grow(depth, width, outputs, trees, nodes, weights)
        for at, (feature, value, mode, left, right) in enumerate(nodes):
            row = (tree, at, feature, value, mode, left, right, 0)
            for name, x in zip(lists, row):
                lists[name].append(x)
        for at, share in sorted(weights):
            entries += [(tree, at, output, float(np.float32(w))) for output, w in enumerate(share)]
    prefix = "class" if outputs > 1 else "target"
    columns = list(zip(*entries))
    attributes = {f"nodes_{name}": values for name, values in lists.items()}
    for name, values in zip(("treeids", "nodeids", "ids", "weights"), columns):
        attributes[f"{prefix}_{name}"] = list(values)
    return attributes


def forests():
    for trees, depth, width, outputs in [(1, 0, 1, 2), (1, 3, 2, 2), (7, 5, 4, 2), (9, 5, 4, 3),
                                         (12, 6, 6, 5), (1, 0, 1, 1), (8, 5, 3, 1), (21, 4, 5, 1)]:
        attributes = forest(trees, depth, width, outputs)
        rows = np.round(numbers((40, width), F32) * 4) / 4
        rows[20:] = numbers((20, width), F32)
        rows[30:34][rng.random((4, width)) < 0.5] = np.nan
        rows[34] = np.inf
        rows[35] = -np.inf
        common = dict(domain="ai.onnx.ml", tolerance=1e-6, post_transform="NONE", **attributes)
        if outputs > 1:
            # With two classes ONNX Runtime's label is 1 for any positive score: artifacts take ArgMax.
            case("TreeEnsembleClassifier", [rows], outputs=2, unread=1,
                 classlabels_int64s=list(range(outputs)), **common)
        else:
            case("TreeEnsembleRegressor", [rows], n_targets=1, aggregate_function="SUM", **common)


def main():
    for part in (element_by_element, broadcasting, folding, moving, products, forests):
        part()
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases)
    pathlib.Path(__file__).with_suffix(".json").write_text(f"[\n{lines}\n]\n")
    print(f"{len(cases)} cases, onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")


if __name__ == "__main__":
    main()
