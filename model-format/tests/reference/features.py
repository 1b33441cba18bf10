"""Writes features.json: windows of many kinds with the values that the catalogue's features must have.

Independent of the Rust code: direct formulas, NumPy and SciPy, in extended precision, so that what
the test measures is the error of the code alone. Run: python3 features.py (x86-64 Linux, NumPy >= 2,
SciPy); the output is committed.
"""

import base64
import json
import pathlib

import numpy as np
import scipy.stats

WIDE = np.longdouble
assert np.finfo(WIDE).precision >= 18, "this needs 80-bit floats: run it on x86-64"
TIE = WIDE("1e-9")


def level(x):
    names = {"quantile_05": 0.05, "quantile_25": 0.25, "quantile_75": 0.75, "quantile_95": 0.95}
    # Percent of a whole number of steps: exact positions, as the definition has them.
    ordered = np.sort(x)
    values = {}
    for name, share in {**names, "median": 0.5}.items():
        position = WIDE(round(share * 100)) * (len(x) - 1) / 100
        below = int(np.floor(position))
        above = min(below + 1, len(x) - 1)
        values[name] = ordered[below] + (ordered[above] - ordered[below]) * (position - below)
        plain = np.quantile(x.astype(float), share)
        assert abs(float(values[name]) - plain) <= 1e-12 * max(abs(x).max(), 1e-300)
    values.update(mean=x.mean(), min=x.min(), max=x.max(), rms=np.sqrt(np.mean(x**2)))
    return values


def spread(x, levels):
    return {
        "std": x.std(),
        "mean_abs_deviation": np.abs(x - x.mean()).mean(),
        "median_abs_deviation": scipy.stats.median_abs_deviation(x),
        "interquartile_range": levels["quantile_75"] - levels["quantile_25"],
        "peak_to_peak": np.ptp(x),
    }


def shape(x):
    flat = np.ptp(x) == 0
    size = np.abs(x)
    silent = size.max() == 0
    rms = np.sqrt(np.mean(x**2))
    central = (x - x.mean()) / (1 if flat else x.std())
    if flat:
        share = np.array([WIDE(1)])
    else:
        # The definition rounds in 64 bits, so that ties fall the same way everywhere.
        y = x.astype(float)
        bins = np.minimum(np.floor((y - y.min()) * 10 / (y.max() - y.min())), 9)
        share = np.bincount(bins.astype(int), minlength=10).astype(WIDE) / len(x)
    return {
        "skewness": 0 if flat else np.mean(central**3),
        "kurtosis": 0 if flat else np.mean(central**4) - 3,
        "crest_factor": 0 if silent else size.max() / rms,
        "shape_factor": 0 if silent else rms / size.mean(),
        "impulse_factor": 0 if silent else size.max() / size.mean(),
        "margin_factor": 0 if silent else size.max() / np.sqrt(size).mean() ** 2,
        "binned_entropy": scipy.stats.entropy(share.astype(float)),
    }


def change(x):
    n = len(x)
    flat = np.ptp(x) == 0
    above = x > x.mean() + TIE * np.ptp(x)
    values = {}
    if n >= 2:
        t = np.arange(n, dtype=WIDE)
        steps = np.diff(x)
        values["mean_abs_change"] = np.abs(steps).mean()
        values["mean_change"] = steps.mean()
        values["slope"] = np.sum((t - t.mean()) * (x - x.mean())) / np.sum((t - t.mean()) ** 2)
        values["zero_crossing_rate"] = WIDE(np.count_nonzero(above[1:] != above[:-1])) / (n - 1)
    if n >= 3:
        values["mean_second_derivative"] = np.diff(x, 2).mean()
        values["hjorth_mobility"] = 0 if flat else np.sqrt(np.var(steps) / np.var(x))
    if n >= 4:
        straight = np.ptp(np.diff(x.astype(float))) == 0
        mobility = values["hjorth_mobility"]
        bend = np.diff(x, 2)
        complexity = 0 if straight else np.sqrt(np.var(bend) / np.var(steps)) / mobility
        values["hjorth_complexity"] = complexity
    for lag in (1, 5):
        if n > lag:
            c = x - x.mean()
            product = np.sum(c[:-lag] * c[lag:])
            values[f"autocorr_lag{lag}"] = 0 if flat else product / np.sum(c**2)
    return values


def order(x):
    n = len(x)
    return {
        "count_above_mean": np.count_nonzero(x > x.mean() + TIE * np.ptp(x)),
        "first_location_of_maximum": WIDE(np.argmax(x)) / n,
        "last_location_of_maximum": WIDE(n - 1 - np.argmax(x[::-1])) / n,
        "first_location_of_minimum": WIDE(np.argmin(x)) / n,
        "last_location_of_minimum": WIDE(n - 1 - np.argmin(x[::-1])) / n,
    }


SPECTRAL = """spectral_centroid spectral_bandwidth spectral_rolloff spectral_flatness spectral_entropy
peak_frequency spectral_skewness spectral_kurtosis band_power_low band_power_mid band_power_high"""

BANDS = [f"band_power_{band + 1:02}" for band in range(16)]


def bands(k, p, n):
    if n < 64:
        return {}
    # The sixteenth of each bin; half the rate belongs to the last.
    of = np.minimum(32 * k.astype(int) // n, 15)
    return {name: p[of == band].sum() for band, name in enumerate(BANDS)}


def spectrum(x, rate_hz):
    n = len(x)
    if n < 8:
        return {}
    if np.ptp(x) == 0:
        return dict.fromkeys(SPECTRAL.split() + (BANDS if n >= 64 else []), 0)
    turn = 2 * np.arctan2(WIDE(0), WIDE(-1)) / n
    hann = (1 - np.cos(turn * np.arange(n))) / 2
    # The scale of the window is taken out first: squares of tiny numbers have few digits.
    transform = np.fft.rfft((x - x.mean()) / np.ptp(x) * hann)[1:]
    assert transform.real.dtype == WIDE, "this NumPy transforms in 64 bits: use NumPy 2"
    power = np.abs(transform) ** 2 * 2
    if n % 2 == 0:
        power[-1] /= 2
    p = power / power.sum()
    k = np.arange(1, len(p) + 1)
    f = k * WIDE(rate_hz) / n
    centroid = np.sum(f * p)
    bandwidth = np.sqrt(np.sum((f - centroid) ** 2 * p))
    z = (f - centroid) / bandwidth
    raised = np.maximum(power, WIDE("1e-12") * power.mean())
    return {
        "spectral_centroid": centroid,
        "spectral_bandwidth": bandwidth,
        "spectral_rolloff": f[np.argmax(np.cumsum(p) >= WIDE("0.95") * (1 - TIE))],
        "spectral_flatness": scipy.stats.gmean(raised) / power.mean(),
        "spectral_entropy": scipy.stats.entropy(p.astype(float)) / np.log(WIDE(len(p))),
        "peak_frequency": f[np.argmax(power >= (1 - TIE) * power.max())],
        "spectral_skewness": np.sum(z**3 * p),
        "spectral_kurtosis": np.sum(z**4 * p),
        "band_power_low": p[6 * k < n].sum(),
        "band_power_mid": p[(6 * k >= n) & (3 * k < n)].sum(),
        "band_power_high": p[3 * k >= n].sum(),
        **bands(k, p, n),
    }


def features(x, rate_hz):
    x = x.astype(WIDE)
    levels = level(x)
    parts = [levels, spread(x, levels), shape(x), change(x), order(x), spectrum(x, rate_hz)]
    return {name: float(value) for part in parts for name, value in part.items()}


def windows(n, rng):
    t = np.arange(n)
    turn = 2 * np.pi * t
    noise = rng.normal(size=n)
    yield "random", noise
    yield "constant", np.full(n, 3.7)
    yield "zero", np.zeros(n)
    yield "tiny_variance", 1000 + 1e-4 * noise
    yield "one_ulp", np.where(t == n // 2, np.nextafter(np.float32(1e6), np.float32(2e6)), 1e6)
    yield "huge_offset", 1e7 + np.round(5 * noise)
    yield "impulse", np.where(t == n // 3, 50.0, 0.0)
    yield "two_impulses", np.where(t == n // 3, 1e3, np.where(t == n // 2, -1e3, 1e-3 * noise))
    yield "ramp", 0.1 * t
    yield "whole_ramp", 3.0 * t - 7
    yield "sine_on_a_bin", np.sin(turn * 2 / n)
    yield "sine_of_8_samples", np.sin(turn / 8)
    yield "sine_between_bins", 2 + np.sin(turn * 0.137)
    yield "steps", np.where(t < n // 4, -1.0, np.where(t < n // 2, 2.0, 0.5))
    yield "alternating", np.where(t % 2 == 0, 1.0, -1.0)
    yield "quantised", np.round(2 * noise) / 4
    yield "symmetric_levels", np.array([-1.0, 0.0, 1.0, 0.0])[t % 4]
    yield "heavy_tails", rng.standard_cauchy(size=n)
    yield "subnormal", 1e-41 * noise
    yield "enormous", 1e37 * noise
    yield "vibration", np.sin(turn * 0.031) + 0.3 * np.sin(turn * 0.217) + 0.1 * noise


def main():
    rng = np.random.default_rng(46)
    cases = []
    short = ["random", "constant", "zero", "tiny_variance", "ramp", "alternating", "enormous"]
    long = short + ["one_ulp", "impulse", "sine_on_a_bin", "sine_of_8_samples", "heavy_tails", "vibration"]
    for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 128, 200, 1000):
        rate_hz = [100.0, 12_800.0, 0.25][n % 3]
        for kind, values in windows(n, rng):
            if (n < 8 and kind not in short) or (n == 1000 and kind not in long):
                continue
            window = values.astype("<f4")
            cases.append({
                "name": f"{kind}_{n}",
                "rate_hz": rate_hz,
                "window": base64.b64encode(window.tobytes()).decode(),
                "features": features(window, rate_hz),
            })
    lines = ",\n".join(json.dumps(case) for case in cases)
    pathlib.Path(__file__).with_suffix(".json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    with np.errstate(all="raise", under="ignore"):
        main()
