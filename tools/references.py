"""Proves that committed reference values are what their scripts write today, and that the artifacts
of the corpus are valid ONNX files with the same answers in plain onnxruntime.

    make references
"""

import json
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(
    path
    for folder in ("model-format/tests/reference", "trainer/learn/tests/reference", "trainer/tests/reference")
    for path in (ROOT / folder).glob("*.py")
)
# Linear algebra differs in the last digits between processors; everything else is exact.
TOLERANCE = 1e-6


def differences(was, now, where="") -> list[str]:
    if isinstance(was, dict) and isinstance(now, dict) and was.keys() == now.keys():
        return [d for key in was for d in differences(was[key], now[key], f"{where}.{key}")]
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        pairs = enumerate(zip(was, now))
        return [d for index, (a, b) in pairs for d in differences(a, b, f"{where}[{index}]")]
    numbers = isinstance(was, (int, float)) and isinstance(now, (int, float))
    if was == now or (numbers and math.isclose(was, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE)):
        return []
    return [f"{where or 'document'}: {was!r:.60} is committed, {now!r:.60} is written now"]


def main() -> None:
    failed = False
    for script in SCRIPTS:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(shutil.copy(script, folder))
            subprocess.run([sys.executable, copy], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            for written in sorted(Path(folder).glob("*.json")):
                committed = script.with_name(written.name)
                found = differences(json.loads(committed.read_text()), json.loads(written.read_text()))
                print(f"{committed.relative_to(ROOT)}: {'current' if not found else f'{len(found)} values differ'}")
                print("".join(f"  {line}\n" for line in found[:5]), end="")
                failed |= bool(found)
    corpus = sorted((ROOT / "model-format/tests/corpus").glob("*/*.onnx"))
    checked = subprocess.run([sys.executable, ROOT / "tools/check_artifact.py", *corpus], check=False)
    if failed or checked.returncode or not corpus:
        sys.exit("references: run the named script beside the file and commit what it writes, or mend it")


if __name__ == "__main__":
    main()
