"""Fit time and held-out quality of scikit-learn's forests, the peer of `learn`'s bench `forest`.

Makes the same rows from the same integers and prints the same JSON lines: seconds are the smallest
of three fits on one thread, in processor time.
"""

import json
import time

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

WIDTH, CLASSES, TEST_ROWS, FITS = 60, 6, 5000, 3
np.seterr(over="ignore")


def uniform(position):
    z = position.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / 2.0**53


def noise(position):
    part = [uniform(position * np.uint64(4) + np.uint64(k)) for k in range(4)]
    return part[0] + part[1] + part[2] + part[3] - 2.0


def table(first_row, rows):
    row = np.arange(first_row, first_row + rows, dtype=np.uint64)
    column = np.arange(WIDTH, dtype=np.uint64)
    number = lambda k: (uniform(row * np.uint64(8) + np.uint64(k)) * CLASSES).astype(np.uint64)
    shaping = number(3)
    own = noise(row[:, None] * np.uint64(WIDTH) + column)
    centre = 0.5 * noise(np.uint64(9_000_000_000) + shaping[:, None] * np.uint64(WIDTH) + column)
    x = centre + own + 0.5 * np.roll(own, -1, axis=1)
    x[:, ::4] = np.floor(x[:, ::4] * 10.0) / 10.0
    wrong = uniform(row * np.uint64(8) + np.uint64(5)) < 0.1
    classes = np.where(wrong, number(7), shaping).astype(int)
    value = 3.0 * np.abs(x[:, 0]) + x[:, 1] * x[:, 2] + 2.0 * (x[:, 3] > 0.0)
    for part in range(4, 12):
        value = value + 0.5 * x[:, part]
    value = value + 0.5 * noise(row + np.uint64(7_000_000_000))
    return x.astype(np.float32), classes, value.astype(np.float32)


def bench(name, estimator, rows, target):
    train, test = table(1_000_000, rows), table(2_000_000, TEST_ROWS)
    fit_s = float("inf")
    for _ in range(FITS):
        start = time.process_time()
        fitted = estimator.fit(train[0], train[target])
        fit_s = min(fit_s, time.process_time() - start)
    print(json.dumps({"name": name, "fit_s": fit_s, "quality": fitted.score(test[0], test[target])}))


if __name__ == "__main__":
    forest = {"n_estimators": 100, "n_jobs": 1, "random_state": 1}
    bench("forest_classification_20000x60x6", RandomForestClassifier(**forest), 20_000, 1)
    bench("forest_regression_5000x60", RandomForestRegressor(**forest), 5000, 2)
