"""Runs every benchmark with its peer in the same run and prints one table with ratios.

    make bench                  all of them
    python tools/bench.py csv   only those that are named
    make bench DATA=FOLDER      also the figures that need cmapss_fd001 of that folder

Each benchmark program prints JSON lines; the peer prints lines of the same form. A ratio above 1
says how many times better ours is. Nothing here is a test: figures depend on the machine.
"""

import json
import os
import platform
import random
import re
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from service import Trainer, until

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
DATA = Path(os.environ["DATA"]).resolve() if os.environ.get("DATA") else None
# One thread everywhere: the figures are per core.
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}

rows: list[tuple[str, str, str, str, str]] = []


def run(command: list[str], **environment: str) -> str:
    print("$", " ".join(map(str, command)), file=sys.stderr)
    return subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def lines(command: list[str], **environment: str) -> dict[str, dict]:
    found = (line for line in run(command, **environment).splitlines() if line.startswith("{"))
    return {entry["name"]: entry for entry in map(json.loads, found)}


def cargo_bench(bench: str, *arguments: str) -> dict[str, dict]:
    # The whole workspace, so that all benchmarks share one build of the dependencies.
    return lines(["cargo", "bench", "--quiet", "--workspace", "--bench", bench, "--", *arguments])


def row(what: str, ours: str, peer: str, ratio: float | None, bar: str) -> None:
    rows.append((what, ours, peer, f"{ratio:.1f}×" if ratio is not None else "", bar))


def features() -> None:
    ours = cargo_bench("features")
    peer = lines([sys.executable, "benches/features_numpy.py"])
    for name, entry in ours.items():
        if name in peer:
            mine, theirs = entry["windows_per_s"], peer[name]["windows_per_s"]
            bar = "≥ 30 000/s, ≥ 3×" if name == "46_features_200x6" else ""
            row(f"{name} (windows/s, one core)", f"{mine:,.0f}", f"NumPy {theirs:,.0f}", mine / theirs, bar)
        else:
            row(f"{name} (windows/s, one core)", f"{entry['windows_per_s']:,.0f}", "", None, "")


def payloads() -> None:
    for name, entry in cargo_bench("payloads").items():
        row(f"payload {name} (samples/s, one core)", f"{entry['samples_per_s']:,.0f}", "", None, "")


def latency() -> None:
    with tempfile.TemporaryDirectory() as folder:
        artifact = str(Path(folder) / "latency.onnx")
        ours = cargo_bench("latency", artifact)
        peer = lines([sys.executable, "benches/latency_peers.py", artifact])
    bars = {"native": "p50 ≤ 8 µs, p99 ≤ 12 µs", "tract": "≤ 15 µs"}
    reference, batches = (peer["python_onnxruntime"][what] for what in ("p50_us", "windows_per_s"))
    for name, entry in {**ours, **peer}.items():
        ratio = reference / entry["p50_us"]
        text = f"p50 {entry['p50_us']:.1f} µs, p99 {entry['p99_us']:.1f} µs"
        row(f"raw window → class, {name}", text, f"Python onnxruntime {reference:.1f} µs", ratio, bars.get(name, ""))
    for name, entry in ours.items():
        per_s = entry["windows_per_s"]
        bar = "≥ 5×" if name == "native" else ""
        row(f"windows/s, 256 a call, {name}", f"{per_s:,.0f}", f"Python onnxruntime {batches:,.0f}", per_s / batches, bar)


def forest() -> None:
    ours = cargo_bench("forest")
    peer = lines([sys.executable, "benches/forest_sklearn.py"])
    for name, entry in ours.items():
        theirs = peer[name]
        row(
            f"{name} fit (s, one thread)",
            f"{entry['fit_s']:.2f} s, held out {entry['quality']:.4f}",
            f"scikit-learn {theirs['fit_s']:.2f} s, held out {theirs['quality']:.4f}",
            theirs["fit_s"] / entry["fit_s"],
            "≥ 1×",
        )


def estimators() -> None:
    ours = cargo_bench("estimators")
    found = run([sys.executable, "benches/estimators_peers.py"]).splitlines()
    for peer in (json.loads(line) for line in found if line.startswith("{")):
        mine = ours[peer["name"]]
        for what, key in (("fit", "fit_s"), ("answers", "answer_s")):
            bar = "≥ 2×"
            if peer["name"].startswith("gradient"):
                bar = "≥ 0.7×" if peer["peer"] == "LightGBM" else "≥ 1.4×"
            quality = lambda entry: f", {entry['quality']:.4f}" if "quality" in entry else ""
            row(f"{peer['name']} {what} (s, held-out quality)", f"{mine[key]:.3f}{quality(mine)}",
                f"{peer['peer']} {peer[key]:.3f}{quality(peer)}", peer[key] / mine[key],
                bar if what == "fit" else "")


def csv() -> None:
    """Import of one CSV file into a dataset beside pandas reading it and writing Parquet's peer."""
    generator = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "vibration.csv"
        with table.open("w") as file:
            file.write("t_ms,a,b,c,d,e,f\n")
            for index in range(1_000_000):
                cells = ",".join(f"{generator.gauss(0, 1):.5f}" for _ in range(6))
                file.write(f"{index},{cells}\n")
        start = time.perf_counter()
        run([
            TARGET / "release/cirame-trainer", "--data", Path(folder) / "data", "import", "bench", table,
            "--time", "t_ms", "--time-unit", "ms", "--label-from", "value:normal",
        ])
        ours = time.perf_counter() - start
        start = time.perf_counter()
        run([sys.executable, "-c", f"import pandas; pandas.read_csv({str(table)!r}).astype('float32').to_pickle({folder!r} + '/p')"])
        theirs = time.perf_counter() - start
        size = table.stat().st_size / 1e6
    row(
        "CSV import, 10⁶ rows × 7 columns, whole program",
        f"{ours:.2f} s ({size / ours:.0f} MB/s), checked and stored",
        f"pandas read_csv {theirs:.2f} s",
        theirs / ours,
        "",
    )


# Bytes of the table of `csv_large`.
LARGE_BYTES = 2_000_000_000


def csv_large() -> None:
    """A table of 2 GB: how long both take for it, and how much memory each process had at most."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        table = Path(folder) / "large.csv"
        generator = random.Random(2)
        with table.open("w") as file:
            file.write("t_us,a,b,c,d,e,f\n")
            lines = [",".join(f"{generator.gauss(0, 1):.5f}" for _ in range(6)) for _ in range(10_000)]
            row_number = 0
            while file.tell() < LARGE_BYTES:
                file.write("".join(f"{100 * (row_number + at)},{line}\n" for at, line in enumerate(lines)))
                row_number += len(lines)
        ours, ours_mb = measured([
            TARGET / "release/cirame-trainer", "--data", Path(folder) / "data", "import", "bench", table,
            "--time", "t_us", "--label-from", "none",
        ])
        theirs, theirs_mb = measured([sys.executable, "-c", f"import pandas; pandas.read_csv({str(table)!r})"])
    row(
        f"CSV import, 2 GB, {row_number:,} rows × 7 columns, whole program",
        f"{ours:.1f} s ({LARGE_BYTES / ours / 1e6:.0f} MB/s), {ours_mb:.0f} MB at most",
        f"pandas read_csv {theirs:.1f} s, {theirs_mb:.0f} MB",
        theirs / ours,
        "≥ 1×, ≤ 512 MB",
    )


def measured(command: list) -> tuple[float, float]:
    """Seconds that a program takes, and the megabytes that it had at most."""
    print("$", " ".join(map(str, command)), file=sys.stderr)
    start = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} has failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def service() -> None:
    """The API beside FastAPI and SQLite on the same database, and the trainer's memory."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        run([
            TARGET / "release/cirame-trainer", "--data", folder / "data", "simulate", "vibration",
            "--seconds", "10000", "--classes", "normal", "--per-class", "1", "--into", "long",
        ])
        trainer = Trainer(TARGET / "release", folder)
        idle_mb = trainer.resident_mb()
        row("trainer, resident memory idle", f"{idle_mb:.0f} MB", "", None, "≤ 120 MB")
        plots(trainer)
        recording = fill(trainer, folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        peer = subprocess.Popen([sys.executable, "benches/api_fastapi.py", trainer.data, str(port)], cwd=ROOT)
        try:
            paths = {
                "GET /api/training/runs, 50 of 2000": "/api/training/runs",
                "samples for a plot, 1000 points of 10⁶ rows × 3": f"/api/data/recordings/{recording}/samples",
            }
            peer_url = f"http://127.0.0.1:{port}"
            until("the peer", lambda: answers(peer_url + "/api/training/runs", trainer.cookie), seconds=30)
            for name, path in paths.items():
                ours, theirs = load(trainer.url + path, trainer.cookie), load(peer_url + path, trainer.cookie)
                row(name, "{:,.0f}/s, p99 {:.1f} ms".format(*ours), "FastAPI {:,.0f}/s, p99 {:.1f} ms".format(*theirs), ours[0] / theirs[0], "")
        finally:
            peer.terminate()
            peer.wait()
            trainer.stop()
        if DATA:
            turbofan(folder)


def plots(trainer: Trainer) -> None:
    """Time to the samples of 2000 points, of a recording of 10⁷ rows × 3 and of parts of it."""
    recording = trainer.ask("GET", "/api/data/datasets/long")["recordings"][0]
    path, rows_all = f"/api/data/recordings/{recording['recording_id']}/samples?points=2000", recording["rows"]
    for name, share, bar in [("all", 1, "< 150 ms"), ("10 %", 0.1, ""), ("1 %", 0.01, ""), ("0.1 %", 0.001, "")]:
        count = int(rows_all * share)
        # Not at the beginning of a block: that would be the easiest part.
        first = 0 if share == 1 else (rows_all - count) // 2 + 13
        times_ms = []
        for _ in range(10):
            start = time.perf_counter()
            trainer.ask("GET", f"{path}&from_row={first}&to_row={first + count}")
            times_ms.append((time.perf_counter() - start) * 1e3)
        row(f"samples for a plot, 2000 points of {name} of 10⁷ rows × 3", f"best {min(times_ms):.0f} ms, worst {max(times_ms):.0f} ms", "", None, bar)


def fill(trainer: Trainer, folder: Path) -> str:
    """2000 runs, and a recording of 10⁶ rows; its identifier."""
    trainer.import_simulated(TARGET / "release", "bench", folder / "long", "--seconds", "1000", "--classes", "normal", "--per-class", "1")
    version = trainer.ask("GET", "/api/data/datasets/bench")
    with sqlite3.connect(trainer.data / "cirame.db") as database:
        [owner] = database.execute("SELECT owner_id FROM users").fetchone()
        settings = json.dumps({"dataset": "bench", "estimator": "random_forest_classifier", "seed": 1})
        database.executemany(
            "INSERT INTO runs (id, owner_id, dataset_version_id, settings, status, report, created_ms, finished_ms)"
            " VALUES (?, ?, ?, ?, 'succeeded', ?, ?, ?)",
            [(f"01900000-0000-7000-8000-{n:012x}", owner, version["id"], settings, json.dumps({"figures": [0.5] * 500}), n, n) for n in range(2000)],
        )
    database.close()
    return version["recordings"][0]["recording_id"]


def answers(url: str, cookie: str) -> bool:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"cookie": cookie}), timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def load(url: str, cookie: str) -> tuple[float, float]:
    """Requests per second and the 99th percentile in milliseconds, by wrk from this machine."""
    text = run(["wrk", "-t1", "-c8", "-d10s", "--latency", "-H", f"Cookie: {cookie}", url])
    if "Non-2xx" in text:
        sys.exit(f"{url} refuses requests:\n{text}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    return rate, float(value) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


def turbofan(folder: Path) -> None:
    """The trainer's largest memory while it trains on cmapss_fd001: 20 631 cycles of 100 engines."""
    cycles = [line.split() for line in (DATA / "cmapss_fd001/train_FD001.txt").read_text().splitlines()]
    last = {cells[0]: int(cells[1]) for cells in cycles}
    names = ["unit", "cycle", *(f"setting_{n}" for n in range(1, 4)), *(f"sensor_{n}" for n in range(1, 22)), "rul"]
    lines = [",".join([*cells, str(last[cells[0]] - int(cells[1]))]) for cells in cycles]
    (folder / "turbofan").mkdir()
    (folder / "turbofan/fd001.csv").write_text("\n".join([",".join(names), *lines, ""]))
    trainer = Trainer(TARGET / "release", folder)
    trainer.import_folder(
        "turbofan", folder / "turbofan", rate_hz="none", recording_column="unit", target_columns=["rul"],
        ignore_columns=["cycle"], label_from="none",
    )
    idle_mb = trainer.resident_mb()
    Path(f"/proc/{trainer.process.pid}/clear_refs").write_text("5")
    report = trainer.train(
        dataset="turbofan", estimator="random_forest_regressor", parameters={"min_samples_leaf": 5},
        pipeline={"rate": "none", "window": {"samples": 1}, "stride": {"samples": 1}, "features": ["mean"]},
        selection={"target": "rul"},
    )
    status = Path(f"/proc/{trainer.process.pid}/status").read_text()
    peak_mb = int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 1024
    figure = report["evaluation"]["model"]
    trainer.stop()
    row("trainer, largest resident memory while training on cmapss_fd001", f"{peak_mb:.0f} MB, R² {figure['r2']:.2f}",
        f"before {idle_mb:.0f} MB", None, "")


def mqtt() -> None:
    """Windows over a local mosquitto: cirame-edge and a Python service, one after the other, under the same load."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = folder / "bench.onnx"
        cargo_bench("latency", str(model))
        port = free_port()
        (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 1000000\nset_tcp_nodelay true\n")
        broker = subprocess.Popen(["mosquitto", "-c", folder / "mosquitto.conf"], stderr=subprocess.DEVNULL,
                                  env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"})
        until("mosquitto", lambda: is_open(port))
        services = {
            "cirame-edge": [TARGET / "release/cirame-edge", "serve", model, "--broker", f"mqtt://127.0.0.1:{port}", "--listen", "0",
                            "--state", folder / "state", "--name", "bench", "--max-streams", "1000"],
            "Python": [sys.executable, "benches/mqtt_onnxruntime.py", model, str(port), "cirame"],
        }
        # Rows in a message, messages a second; 0 is as many as are answered.
        loads = [(16, 5000), (128, 500), (128, 5000), (16, 0), (128, 0)]
        found = {}
        for service, command in services.items():
            process = subprocess.Popen(list(map(str, command)), cwd=ROOT, env={**os.environ, **ONE_THREAD},
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            first = process.stdout.readline()
            if "listening" in first:
                address = first.split("://")[1].strip()
                until("cirame-edge", lambda: is_answering(f"http://{address}/ready"))
                time.sleep(1)  # the subscription has no other sign from outside
            found[service] = {}
            for load in loads:
                found[service][load] = cargo_bench("mqtt", str(model), str(port), "cirame", *map(str, load), "10")["mqtt"]
                # Each load has 100 streams of its own: the first one alone says what 100 take.
                found[service].setdefault("resident_mb", resident_mb(process.pid))
            process.terminate()
            process.wait()
        broker.terminate()
        broker.wait()
    ours, theirs = found["cirame-edge"], found["Python"]
    for load in loads:
        (rows_each, rate), mine, peer = load, ours[load], theirs[load]
        what = f"{rows_each} rows a message" if rows_each < 128 else "a window a message"
        if rate:
            text = "{results} of {windows}, p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms"
            bar = "p99 < 2 ms" if rate == 5000 else ""
            row(f"sample in → result, {what}, {rate}/s", text.format(**mine), f"Python {text.format(**peer)}", peer["p99_ms"] / mine["p99_ms"], bar)
        else:
            mine, peer = mine["messages_per_s"], peer["messages_per_s"]
            row(f"messages/s, {what}, as fast as results come", f"{mine:,.0f}", f"Python {peer:,.0f}", mine / peer, "≥ 5×")
    row("resident after 100 streams", f"{ours['resident_mb']:.1f} MB", f"Python {theirs['resident_mb']:.1f} MB", theirs["resident_mb"] / ours["resident_mb"], "≤ 20 MB")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_answering(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def resident_mb(process: int, largest: bool = False) -> float:
    name = "VmHWM" if largest else "VmRSS"
    return int(re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text()).group(1)) / 1000


STARTS = 12


def size() -> None:
    """Bytes of the static edge binaries, and what a start with the model of the latency rows takes."""
    run(["tools/dist.sh"])
    processor = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "armv7")
    bars = {"cirame-edge": 16e6, "cirame-edge-lite": 5e6}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "bench.onnx"
        cargo_bench("latency", str(model))
        for name, bar in bars.items():
            program = ROOT / "dist/edge" / f"{name}-{processor}"
            row(f"{name}, static, stripped", f"{program.stat().st_size / 1e6:.1f} MB", "", None, f"≤ {bar / 1e6:.0f} MB")
            started = [start_to_ready(program, model, Path(folder) / f"{name}-{at}") for at in range(STARTS)]
            times, resident, largest = zip(*started)
            text = f"median {statistics.median(times):.0f} ms, {min(times):.0f} to {max(times):.0f}"
            row(f"{name}, start to ready, {STARTS} starts", text, "", None, "≤ 300 ms")
            row(f"{name}, resident with one model", f"{max(resident):.1f} MB", "", None, "≤ 20 MB")
            row(f"{name}, largest while it loads and proves the model", f"{max(largest):.1f} MB", "", None, "")


def start_to_ready(program: Path, model: Path, state: Path) -> tuple[float, float, float]:
    """Milliseconds until /ready, and megabytes that are resident then and were at most."""
    begun = time.monotonic()
    process = subprocess.Popen([program, "serve", model, "--listen", "0", "--state", state, "--name", "bench"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    address = process.stdout.readline().split("://")[1].strip()
    while not is_answering(f"http://{address}/ready"):
        time.sleep(0.002)
    ready_ms = (time.monotonic() - begun) * 1e3
    found = (ready_ms, resident_mb(process.pid), resident_mb(process.pid, largest=True))
    process.terminate()
    process.wait()
    return found


BENCHMARKS = {
    "features": features, "payloads": payloads, "latency": latency, "forest": forest, "estimators": estimators, "csv": csv, "csv_large": csv_large, "service": service,
    "mqtt": mqtt, "size": size,
}


def main() -> None:
    chosen = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"no benchmark {unknown[0]!r}: there are {', '.join(BENCHMARKS)}")
    print("building everything in the release profile", file=sys.stderr)
    run(["cargo", "build", "--release", "--workspace", "--all-targets"])
    for name in chosen:
        BENCHMARKS[name]()
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    print("| what | ours | peer | ratio | bar |\n|---|---|---|---|---|")
    for entry in rows:
        print("| " + " | ".join(entry) + " |")


if __name__ == "__main__":
    main()
