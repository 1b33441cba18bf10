"""Writes resample.json beside itself: band-limited inputs and SciPy's resampling of them.

The filter is SciPy's polyphase one with a longer Kaiser window than ours (110 dB, a transition from
0.8 to 1.0 of the lower Nyquist frequency); the inputs lie below 0.79 of it. SciPy pads with zeros:
outputs within its filter's half width of an end are left out, which `first` says.
Run: python3 model-format/tests/reference/resample.py
"""

import json
import pathlib

import numpy as np
from scipy import signal

SHARES = (0.07, 0.21, 0.43, 0.61, 0.75)  # of the lower Nyquist frequency


def reference(in_hz, up, down, seconds, seed):
    rng = np.random.default_rng(seed)
    out_hz = in_hz * up / down
    t = np.arange(int(seconds * in_hz)) / in_hz
    x = np.full_like(t, 0.1)
    for share in SHARES:
        frequency_hz = share * min(in_hz, out_hz) / 2
        x += 0.15 * np.sin(2 * np.pi * frequency_hz * t + rng.uniform(0, 2 * np.pi))
    x = np.float32(x).astype(float)  # what the stream is given
    top = max(up, down)
    taps, beta = signal.kaiserord(110, 0.2 / top)
    fir = signal.firwin(taps | 1, 0.9 / top, window=("kaiser", beta))
    y = signal.resample_poly(x, up, down, window=fir)
    first = -(-(taps // 2 + 1) // down)
    return {
        "in_hz": in_hz,
        "out_hz": out_hz,
        "input": [float(f"{v:.8g}") for v in x],
        "first": first,
        "output": [round(float(v), 7) for v in y[first:-first]],
    }


references = [reference(1000, 3, 10, 0.9, 1), reference(50, 5, 2, 6.0, 2)]
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(references) + "\n")
