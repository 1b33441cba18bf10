"""From one raw window to the class in Python: the peers of `cargo bench -p engine --bench latency`.

    python benches/latency_peers.py FILE

FILE is the artifact that the bench writes. Prints a JSON line for each peer: Python's onnxruntime on the same
file with one thread, and NumPy with scikit-learn doing the same work (20 features of 3 channels, a forest of 100
trees of depth 10).
"""

import json
import sys
import time

import numpy as np
import onnxruntime
from sklearn.ensemble import RandomForestClassifier

SAMPLES, CHANNELS, CLASSES, RATE_HZ = 128, 3, 6, 100.0


def throughput(answer, windows):
    """Windows a second, all in each call."""
    times = []
    for _ in range(50):
        start = time.perf_counter_ns()
        answer(windows)
        times.append((time.perf_counter_ns() - start) / 1e9)
    return round(len(windows) / np.median(times))


def timed(name, answer, windows, rounds, **more):
    for window in windows[:20]:
        answer(window)
    times = []
    for at in range(rounds):
        window = windows[at % len(windows)]
        start = time.perf_counter_ns()
        answer(window)
        times.append((time.perf_counter_ns() - start) / 1e3)
    p50, p99 = np.percentile(times, [50, 99])
    print(json.dumps({"name": name, "p50_us": round(p50, 2), "p99_us": round(p99, 2), **more}))


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def features(window):
    """The 20 features of the bench, as a NumPy user writes them."""
    x = window.astype(np.float64)
    mean, std = x.mean(axis=0), x.std(axis=0)
    centred = x - mean
    low, high = x.min(axis=0), x.max(axis=0)
    rms = np.sqrt((x * x).mean(axis=0))
    size = np.abs(x)
    peak, mean_size = size.max(axis=0), size.mean(axis=0)
    change = np.diff(x, axis=0)
    change_std, second_std = change.std(axis=0), np.diff(change, axis=0).std(axis=0)
    mobility = change_std / std
    crossings = (np.diff(np.signbit(centred), axis=0) != 0).mean(axis=0)
    t = np.arange(len(x)) - (len(x) - 1) / 2
    power = np.abs(np.fft.rfft(centred * np.hanning(len(x))[:, None], axis=0)) ** 2
    frequency = np.fft.rfftfreq(len(x), 1 / RATE_HZ)
    share = power / power.sum(axis=0)
    return np.concatenate([
        mean, std, low, high, np.median(x, axis=0), rms, high - low,
        (centred**3).mean(axis=0) / std**3, (centred**4).mean(axis=0) / std**4 - 3,
        peak / rms, rms / mean_size, peak / mean_size,
        np.abs(change).mean(axis=0), crossings, t @ centred / (t @ t),
        mobility, second_std / change_std / mobility,
        frequency @ share, -(share * np.log(share + 1e-300)).sum(axis=0), frequency[power.argmax(axis=0)],
    ]).astype(np.float32)


def main():
    random = np.random.default_rng(1)
    wave = np.sin(np.arange(SAMPLES)[:, None] * 0.3)
    windows = [(wave * (1 + at / 64) + random.uniform(-0.5, 0.5, (SAMPLES, CHANNELS))).astype(np.float32) for at in range(256)]
    runtime = session(sys.argv[1])
    windows_per_s = throughput(lambda batch: runtime.run(None, {"windows": batch}), np.stack(windows))
    timed("python_onnxruntime", lambda window: runtime.run(None, {"windows": window[None]}), windows, 3000, windows_per_s=windows_per_s)

    rows = np.stack([features(window) for window in windows for _ in range(16)])
    labels = random.integers(0, CLASSES, len(rows))
    rows += random.normal(0, 0.1, rows.shape).astype(np.float32)
    forest = RandomForestClassifier(100, max_depth=10, random_state=1, n_jobs=1).fit(rows, labels)
    timed("numpy_scikit_learn", lambda window: forest.predict_proba(features(window)[None]), windows, 200)


if __name__ == "__main__":
    main()
