"""Runs every benchmark with its peer in the same run and prints one table with ratios.

    make bench                  all of them
    python tools/bench.py csv   only those whose name begins with a given word

Each benchmark program prints JSON lines; the peer prints lines of the same form. A ratio above 1
says how many times better ours is. Nothing here is a test: figures depend on the machine.
"""

import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
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


def latency() -> None:
    with tempfile.TemporaryDirectory() as folder:
        artifact = str(Path(folder) / "latency.onnx")
        ours = cargo_bench("latency", artifact)
        peer = lines([sys.executable, "benches/latency_peers.py", artifact])
    bars = {"native": "≤ 10 µs, ≥ 7×", "tract": "≤ 15 µs"}
    reference = peer["python_onnxruntime"]["p50_us"]
    for name, entry in {**ours, **peer}.items():
        ratio = reference / entry["p50_us"]
        text = f"p50 {entry['p50_us']:.1f} µs, p99 {entry['p99_us']:.1f} µs"
        row(f"raw window → class, {name}", text, f"Python onnxruntime {reference:.1f} µs", ratio, bars.get(name, ""))


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


def size() -> None:
    """Bytes of the static edge binaries, and the memory that one needs to run a model."""
    run(["tools/dist.sh"])
    bars = {"cirame-edge": 18e6, "cirame-edge-lite": 5e6}
    for name, bar in bars.items():
        path = ROOT / "dist" / name
        row(f"{name}, static, stripped (bytes)", f"{path.stat().st_size / 1e6:.1f} MB", "", None, f"≤ {bar / 1e6:.0f} MB")
    corpus = sorted((ROOT / "model-format/tests/corpus/v1").glob("*classification*.onnx"))[0]
    process = subprocess.Popen([ROOT / "dist/cirame-edge", "prove", corpus], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit("cirame-edge could not prove the corpus model")
    resident = usage.ru_maxrss * 1024
    row("cirame-edge, largest resident memory while it proves", f"{resident / 1e6:.1f} MB", "", None, "≤ 20 MB")


BENCHMARKS = {"features": features, "latency": latency, "forest": forest, "csv": csv, "size": size}


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
