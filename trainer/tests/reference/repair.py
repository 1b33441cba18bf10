"""Writes repair.json beside itself: what NumPy, SciPy and pandas make of the same rows.

The filter is built by scipy.signal.firwin as the resampler documents it (48 periods of the lower
rate, cutoff 0.448 of that rate, Kaiser window of 80 dB); the first and last value go on beyond the
ends, as numpy.pad's mode "edge" does.
Run: python3 trainer/tests/reference/repair.py
"""

import json
import pathlib

import numpy as np
import pandas as pd
from scipy import signal


def numbers(values, digits=7):
    return [None if np.isnan(v) else round(float(v), digits) for v in values]


rng = np.random.default_rng(7)


def decimated(q, rows):
    t = np.arange(rows) / 1000
    x = 0.2 + np.sin(2 * np.pi * 7 * t) + 0.5 * np.sin(2 * np.pi * 180 * t + 1) + 0.1 * rng.standard_normal(rows)
    x = np.float32(x).astype(float)
    half = 24 * q
    fir = signal.firwin(2 * half + 1, 2 * 0.448 / q, window=("kaiser", 7.857))
    y = np.convolve(np.pad(x, half, mode="edge"), fir, mode="valid")[::q]
    return {"rate_hz": 1000 / q, "input": numbers(x, 9), "output": numbers(y)}


def irregular():
    time_ns = np.cumsum(rng.integers(7_000_000, 13_000_000, 60))
    time_ns -= time_ns[0]
    x = np.float32(rng.standard_normal(60)).astype(float)
    grid = np.arange(0, time_ns[-1] + 1, 4_000_000)  # 250 Hz
    series = pd.Series(x, index=pd.to_datetime(time_ns))
    slow = series.resample("50ms", origin=pd.Timestamp(0)).mean()
    last = series.reindex(pd.to_datetime(grid), method="ffill")
    return {
        "time_ns": time_ns.tolist(),
        "input": numbers(x, 9),
        "linear_250_hz": numbers(np.interp(grid, time_ns, x)),
        "previous_250_hz": numbers(last.to_numpy()),
        "mean_20_hz": numbers(slow.to_numpy()),
    }


def joined():
    left = np.arange(50) * 10_000_000
    right = np.sort(rng.choice(500_000_000 // 1000, 12, replace=False)) * 1000 + 137
    frame = pd.merge_asof(
        pd.DataFrame({"t": left, "a": np.arange(50.0)}),
        pd.DataFrame({"t": right, "b": np.arange(12.0)}),
        on="t",
        direction="nearest",
        tolerance=15_000_000,
    ).dropna()
    return {"left_ns": left.tolist(), "right_ns": right.tolist(), "a": frame.a.tolist(), "b": frame.b.tolist()}


def filled():
    x = np.float32(rng.standard_normal(40)).astype(float)
    for start, stop in ((0, 2), (5, 6), (10, 13), (20, 25), (38, 40)):
        x[start:stop] = np.nan
    series = pd.Series(x)
    runs = series.isna().groupby(series.notna().cumsum()).transform("sum")
    short = series.isna() & (runs <= 3)
    line = series.interpolate(method="linear", limit_area="inside")
    return {
        "input": numbers(x, 9),
        "gap_max_rows": 3,
        "linear": numbers(series.where(~short, line)),
        "previous": numbers(series.where(~short, series.ffill())),
    }


reference = {
    "decimated": [decimated(10, 1200), decimated(4, 500)],
    "irregular": irregular(),
    "joined": joined(),
    "filled": filled(),
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(reference) + "\n")
