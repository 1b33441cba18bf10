"""Windows per second of the same features in NumPy, all windows of a batch at once, as JSON lines.

The peer of model-format/benches/features.rs: 64-bit arithmetic, shared parts computed once, no
Python loop over windows or channels. The batch is small enough for the caches.
"""

import json
import time

import numpy as np

ROUNDS = 60
USUAL = """mean std rms min max peak_to_peak mean_abs_deviation skewness kurtosis crest_factor shape_factor
impulse_factor mean_abs_change zero_crossing_rate autocorr_lag1 hjorth_mobility hjorth_complexity
spectral_centroid peak_frequency band_power_high""".split()


def divide(a, b):
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0)


def levels(x, size):
    mean_size = size.mean(-1)
    rms = np.sqrt((x * x).mean(-1))
    return {
        "mean": x.mean(-1), "min": x.min(-1), "max": x.max(-1), "rms": rms,
        "crest_factor": divide(size.max(-1), rms),
        "shape_factor": divide(rms, mean_size),
        "impulse_factor": divide(size.max(-1), mean_size),
    }


def moments(c):
    squares = c * c
    variance = squares.mean(-1)
    std = np.sqrt(variance)
    return variance, {
        "std": std,
        "mean_abs_deviation": np.abs(c).mean(-1),
        "skewness": divide((squares * c).mean(-1), variance * std),
        "kurtosis": divide((squares * squares).mean(-1), variance * variance) - 3,
        "autocorr_lag1": divide((c[..., :-1] * c[..., 1:]).mean(-1), variance),
    }


def changes(x, variance):
    first = np.diff(x)
    second = np.diff(first)
    mobility = np.sqrt(divide(first.var(-1), variance))
    return first, {
        "mean_abs_change": np.abs(first).mean(-1),
        "hjorth_mobility": mobility,
        "hjorth_complexity": divide(np.sqrt(divide(second.var(-1), first.var(-1))), mobility),
    }


def spectrum(c, rate_hz, everything):
    n = c.shape[-1]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    transform = np.fft.rfft(c * hann)[..., 1:]
    power = transform.real**2 + transform.imag**2
    power[..., : (n - 1) // 2] *= 2
    total = power.sum(-1, keepdims=True)
    p = np.divide(power, total, out=np.zeros_like(power), where=total > 0)
    f = np.arange(1, n // 2 + 1) * (rate_hz / n)
    centroid = p @ f
    high = (n - 1) // 3
    values = {
        "spectral_centroid": centroid,
        "peak_frequency": f[p.argmax(-1)],
        "band_power_high": p[..., high:].sum(-1),
    }
    if everything:
        count = len(f)
        low = (n - 1) // 6
        distance = f - centroid[..., None]
        weighted = distance * distance * p
        bandwidth = np.sqrt(weighted.sum(-1))
        log = np.log(np.maximum(p, 1e-12 / count))
        values |= {
            "spectral_bandwidth": bandwidth,
            "spectral_rolloff": f[(np.cumsum(p, -1) >= 0.95).argmax(-1)],
            "spectral_flatness": np.exp(log.mean(-1)) * count,
            "spectral_entropy": -(p * log).sum(-1) / np.log(count),
            "spectral_skewness": divide((weighted * distance).sum(-1), bandwidth**3),
            "spectral_kurtosis": divide((weighted * distance * distance).sum(-1), bandwidth**4),
            "band_power_low": p[..., :low].sum(-1),
            "band_power_mid": p[..., low:high].sum(-1),
        }
    return values


def remaining(x, c, size, span, above, first, variance):
    """What the usual selection lacks, but for the spectrum."""
    n = x.shape[-1]
    # One sort serves all quantiles.
    ordered = np.sort(x)
    def quantile(share):
        below, part = divmod((n - 1) * share, 1)
        low = ordered[..., int(below)]
        return low + (ordered[..., int(below) + 1] - low) * part if part else low
    median = quantile(0.5)
    distance = np.sort(np.abs(x - median[..., None]))
    with np.errstate(divide="ignore", invalid="ignore"):
        bins = np.minimum((x - x.min(-1, keepdims=True)) * 10 / span[..., None], 9).astype(np.intp)
    rows = x[..., 0].size
    flat = bins.reshape(rows, n) + 10 * np.arange(rows)[:, None]
    share = np.bincount(flat.ravel(), minlength=10 * rows).reshape(*x.shape[:-1], 10) / n
    t = np.arange(n) - (n - 1) / 2
    reverse = x[..., ::-1]
    return {
        "median": median,
        "quantile_05": quantile(0.05), "quantile_95": quantile(0.95),
        "quantile_25": quantile(0.25), "quantile_75": quantile(0.75),
        "interquartile_range": quantile(0.75) - quantile(0.25),
        "median_abs_deviation": (distance[..., (n - 1) // 2] + distance[..., n // 2]) / 2,
        "margin_factor": divide(size.max(-1), np.sqrt(size).mean(-1) ** 2),
        "binned_entropy": -(share * np.log(np.maximum(share, 1 / n))).sum(-1),
        "mean_change": first.mean(-1),
        "mean_second_derivative": (first[..., -1] - first[..., 0]) / (n - 2),
        "slope": c @ t / (t @ t),
        "autocorr_lag5": divide((c[..., :-5] * c[..., 5:]).sum(-1) / n, variance),
        "count_above_mean": above.sum(-1),
        "first_location_of_maximum": x.argmax(-1) / n,
        "last_location_of_maximum": (n - 1 - reverse.argmax(-1)) / n,
        "first_location_of_minimum": x.argmin(-1) / n,
        "last_location_of_minimum": (n - 1 - reverse.argmin(-1)) / n,
    }


def features(windows, rate_hz, everything):
    # Time last and contiguous, as each reduction wants it.
    x = np.ascontiguousarray(windows.transpose(0, 2, 1), dtype=np.float64)
    size = np.abs(x)
    c = x - x.mean(-1, keepdims=True)
    values = levels(x, size)
    span = values["max"] - values["min"]
    above = c > 1e-9 * span[..., None]
    variance, more = moments(c)
    first, steps = changes(x, variance)
    values |= more | steps | spectrum(c, rate_hz, everything)
    values["peak_to_peak"] = span
    values["zero_crossing_rate"] = (above[..., 1:] != above[..., :-1]).mean(-1)
    if everything:
        values |= remaining(x, c, size, span, above, first, variance)
    return np.stack(list(values.values()), -1).astype(np.float32)


def measure(name, samples, channels, count):
    everything = count == 46
    best = 0.0
    # The batch size that suits NumPy best counts.
    for batch in (16, 64, 256):
        windows = np.random.default_rng(7).uniform(-2, 2, (batch, samples, channels)).astype(np.float32)
        assert features(windows, 1000.0, everything).shape[-1] == count
        for _ in range(ROUNDS):
            start = time.perf_counter()
            features(windows, 1000.0, everything)
            best = max(best, batch / (time.perf_counter() - start))
    print(json.dumps({"name": name, "windows_per_s": best}))


if __name__ == "__main__":
    assert len(USUAL) == 20
    measure("46_features_200x6", 200, 6, 46)
    measure("20_features_128x3", 128, 3, 20)
