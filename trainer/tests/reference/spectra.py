"""Spectra and spectrograms of one signal by SciPy, and the signal itself as 32-bit floats.

    python spectra.py

Writes `spectra.json`.
"""

import json
from pathlib import Path

import numpy as np
from scipy import signal

RATE_HZ = 400.0
ROWS = 1000

random = np.random.default_rng(20261129)
time = np.arange(ROWS) / RATE_HZ
values = 3.0 + np.sin(2 * np.pi * 50 * time) + 0.5 * np.sin(2 * np.pi * (20 + 30 * time) * time)
values = (values + 0.1 * random.standard_normal(ROWS)).astype(np.float32)

cases = []
for segment, overlap in [(256, 128), (255, 64), (100, 0), (1000, 500)]:
    options = {"fs": RATE_HZ, "window": "hann", "nperseg": segment, "noverlap": overlap}
    options |= {"detrend": "constant", "scaling": "density"}
    frequencies, welch = signal.welch(values.astype(float), **options)
    _, times, columns = signal.spectrogram(values.astype(float), mode="psd", **options)
    cases.append(
        {
            "segment_rows": segment,
            "overlap": overlap / segment,
            "frequencies_hz": frequencies.tolist(),
            "welch": welch.tolist(),
            "time_s": times.tolist(),
            "spectrogram": columns.T.tolist(),
        }
    )
document = {"rate_hz": RATE_HZ, "values": [float(v) for v in values], "cases": cases}
Path("spectra.json").write_text(json.dumps(document) + "\n")
