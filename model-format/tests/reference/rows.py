"""Lags and differences of rows by pandas, over gaps in time and rows with a missing value.

Writes rows.json beside this file: `python3 model-format/tests/reference/rows.py`.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

INTERVAL_MAX_MS = 15_000
STEPS = [1, 3, 7]

rng = np.random.default_rng(8)
count = 240
intervals = rng.integers(1_000, 15_001, count)
intervals[[40, 44, 120, 121, 200]] = [15_001, 60_000, 86_400_000, 20_000, 15_001]
table = pd.DataFrame({"time_ms": intervals.cumsum()})
table["a"] = rng.normal(20, 3, count).astype(np.float32)
table["b"] = (rng.normal(0, 1, count).cumsum() * 1e3).round(2).astype(np.float32)
missing = table.index.isin([70, 150, 151])

# A row without all its values is as if it were not there; what follows is another segment.
apart = table["time_ms"].where(~missing).ffill().diff().fillna(0) > INTERVAL_MAX_MS
segment = (apart | missing | np.roll(missing, 1)).cumsum()
values = table[["a", "b"]].astype(float)
columns = {}
for channel in values:
    by_segment = values[channel].groupby(segment)
    columns[f"{channel}.lag_0"] = values[channel]
    for steps in STEPS:
        columns[f"{channel}.lag_{steps}"] = by_segment.shift(steps)
        columns[f"{channel}.difference_{steps}"] = by_segment.diff(steps)
features = pd.DataFrame(columns)[~missing].dropna()

pushed = values.astype(object).where(~pd.Series(missing), None)
case = {
    "interval_max_ms": INTERVAL_MAX_MS,
    "time_ms": table["time_ms"].tolist(),
    "values": pushed.to_numpy().tolist(),
    "features": list(features),
    "length_samples": max(STEPS) + 1,
    "end_ms": table["time_ms"][features.index].tolist(),
    "rows": features.astype(np.float32).to_numpy().tolist(),
}
Path(__file__).with_suffix(".json").write_text(json.dumps(case) + "\n")
print(len(features), "rows of", count)
