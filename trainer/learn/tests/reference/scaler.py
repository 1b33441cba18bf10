"""Scaled features of real and made data sets, from scikit-learn's StandardScaler and RobustScaler.

Writes scaler.json beside this file: `python3 trainer/learn/tests/reference/scaler.py`. Bounds come from
NumPy's percentiles; both scalers see the training rows within them.
"""

import json
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.preprocessing import RobustScaler, StandardScaler

ROWS, MARGIN = 160, 3.0
rng = np.random.default_rng(21)


def case(name, values, margin=MARGIN):
    values = np.array([[float(f"{x:.6g}") for x in row] for row in values], np.float32)
    train, test = values[:-20].astype(float), values[-20:].astype(float)
    low, high = np.percentile(train, [1, 99], axis=0)
    if margin is None:
        low, high = np.full_like(low, -1e30), np.full_like(high, 1e30)
    else:
        low, high = low - margin * (high - low), high + margin * (high - low)
    found = {"name": name, "margin": margin, "train": train.tolist(), "test": test.tolist()}
    for spread, scaler in (("standard", StandardScaler()), ("robust", RobustScaler(unit_variance=True))):
        scaled = scaler.fit(np.clip(train, low, high)).transform(np.clip(test, low, high))
        found[spread] = [[float(f"{z:.7g}") for z in row] for row in scaled]
    return found


def drawn(table):
    return table[rng.permutation(len(table))[:ROWS]]


tails = np.column_stack([
    rng.standard_t(3, ROWS), rng.lognormal(0, 1, ROWS), rng.laplace(50, 3, ROWS), rng.normal(1e5, 2, ROWS),
])
spoilt = tails.copy()
spoilt[[5, 150], [0, 2]] = [1e7, -1e9]  # one in the training rows, one in the others
cases = [
    case("iris", drawn(datasets.load_iris().data)),
    case("wine", drawn(datasets.load_wine().data)),
    case("cancer", drawn(datasets.load_breast_cancer().data[:, :12])),
    case("tails", tails),
    case("spoilt", spoilt),
    case("spoilt, no bounds", spoilt, None),
]
Path(__file__).with_suffix(".json").write_text(json.dumps(cases) + "\n")
