"""The peer of the trainer's API: FastAPI and SQLite over the trainer's own database and Parquet files.

    python benches/api_fastapi.py DATA_FOLDER PORT

Serves `GET /api/training/runs` and a recording's samples for a plot with the same checks (the
session in the cookie) and the same answers, as one would write them with the usual libraries.
"""

import hashlib
import math
import sqlite3
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet
import uvicorn
from fastapi import FastAPI, HTTPException, Request

DATA = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
app = FastAPI()
connections = threading.local()


def database() -> sqlite3.Connection:
    if not hasattr(connections, "database"):
        connections.database = sqlite3.connect(f"file:{DATA / 'cirame.db'}?mode=ro", uri=True)
        connections.database.row_factory = sqlite3.Row
    return connections.database


def owner(request: Request) -> str:
    secret = request.cookies.get("cirame_session", "")
    digest = hashlib.sha256(secret.encode()).hexdigest()
    now = int(time.time() * 1000)
    user = database().execute(
        "SELECT u.owner_id FROM sessions s JOIN users u ON u.id = s.user_id"
        " WHERE s.digest = ? AND s.created_ms >= ? AND s.used_ms >= ?",
        (digest, now - 7 * 86_400_000, now - 8 * 3_600_000),
    ).fetchone()
    if user is None:
        raise HTTPException(401)
    return user["owner_id"]


@app.get("/api/training/runs")
def runs(request: Request, limit: int = 50, cursor: str | None = None) -> dict:
    rows = database().execute(
        "SELECT r.id, d.name AS dataset, v.number AS dataset_version, r.settings ->> '$.estimator' AS estimator,"
        " r.status, r.error, r.created_ms, r.finished_ms"
        " FROM runs r JOIN dataset_versions v ON v.id = r.dataset_version_id JOIN datasets d ON d.id = v.dataset_id"
        " WHERE r.owner_id = ? AND (? IS NULL OR r.id < ?) ORDER BY r.id DESC LIMIT ?",
        (owner(request), cursor, cursor, limit + 1),
    ).fetchall()
    items = [dict(row) for row in rows[:limit]]
    return {"items": items, "next": items[-1]["id"] if len(rows) > limit else None}


@app.get("/api/data/recordings/{recording}/samples")
def samples(request: Request, recording: str, points: int = 1000) -> dict:
    row = database().execute(
        "SELECT r.content, r.row_count, r.channels, r.absolute_time FROM recordings r"
        " JOIN datasets d ON d.id = r.dataset_id WHERE r.id = ? AND d.owner_id = ?",
        (recording, owner(request)),
    ).fetchone()
    if row is None:
        raise HTTPException(404)
    table = pyarrow.parquet.read_table(DATA / "datasets" / f"{row['content']}.parquet")
    count = table.num_rows
    per_point = max(1, math.ceil(count / points))
    edges = np.arange(0, count, per_point)
    channels = []
    for name in table.column_names[1:]:
        values = table[name].to_numpy()
        least, most = np.fmin.reduceat(values, edges), np.fmax.reduceat(values, edges)
        channels.append({"name": name, "min": least.tolist(), "max": most.tolist()})
    times = table["time_ns"].to_numpy()[edges]
    return {
        "from_row": 0, "to_row": count, "rows_per_point": per_point, "absolute_time": bool(row["absolute_time"]),
        "time_ns": [str(t) for t in times], "channels": channels,
    }


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)
