"""kill -9 of the edge while it downloads, proves and swaps models; seeded.

    python tools/check_kills.py FOLDER_WITH_THE_PROGRAMS [KILLS]

After each kill the edge starts again on what the kill left behind. It must serve a proven model
that was deployed to it before it has spoken to the trainer, no file of a model may be half-written,
and in the end it serves the newest deployment, once.
"""

import hashlib
import json
import random
import sys
import tempfile
import time
import urllib.error
from pathlib import Path

from service import Edge, Trainer, until

PROGRAMS = Path(sys.argv[1]).resolve()
KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 25
SEED = 1
# What the edge has done when it is killed: a file of the download has appeared, or the model is there.
MOMENTS = ("download", "swap", "any")


def models(trainer: Trainer, folder: Path) -> list[tuple[int, str]]:
    """Proven versions of a model, as number and digest: one more than a device keeps, so that each is downloaded again."""
    found = []
    trainer.import_simulated(PROGRAMS, "pump", folder / "known")
    for seed in (1, 2, 3):
        trainer.train(
            dataset="pump", estimator="random_forest_classifier", model="pump", seed=seed,
            parameters={"n_estimators": 200}, pipeline={"window": {"samples": 64}, "stride": {"samples": 4}},
        )
        version = trainer.ask("GET", f"/api/training/models/pump/versions/{seed}")
        found.append((seed, version["artifact_sha256"]))
    return found


def serving(edge: Edge) -> str | None:
    """Digest of the model in service."""
    try:
        return json.loads(edge.get("/ready"))["models"][0]["artifact_sha256"]
    except (urllib.error.URLError, KeyError, IndexError, TypeError):
        return None


def wait_for_moment(moment: str, edge: Edge, digest: str, dice: random.Random) -> None:
    downloads, model = edge.state / "downloads", edge.state / "models" / f"{digest}.onnx"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if moment == "download" and downloads.exists() and any(downloads.iterdir()):
            break
        if moment == "swap" and model.exists():
            break
        if moment == "any":
            break
        time.sleep(0.0005)
    time.sleep(dice.random() * {"download": 0.02, "swap": 0.3, "any": 2.0}[moment])


def check_files(edge: Edge) -> None:
    for path in (edge.state / "models").glob("*"):
        if path.suffix == ".onnx" and hashlib.sha256(path.read_bytes()).hexdigest() != path.stem:
            raise SystemExit(f"{path.name} is half-written")


def main() -> None:
    dice = random.Random(SEED)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trainer = Trainer(PROGRAMS, folder, "--heartbeat-s", "1")
        known = models(trainer, folder)
        token = {"CIRAME_TOKEN": trainer.token("kills", uses=1)}
        start = lambda: Edge(PROGRAMS, folder, "--trainer", trainer.url, "--name", "killed", environment=token)
        edge = start()
        device = until("the device", lambda: trainer.ask("GET", "/api/devices")["items"])[0]
        at = {"download": 0, "swap": 0, "any": 0}
        last = None
        for kill in range(KILLS):
            version, digest = known[kill % 3]
            request = {"device_id": device["id"], "model": "pump", "version": version}
            trainer.ask("POST", "/api/deployments", request, idempotency_key=f"kill-{kill}")
            again = trainer.ask("POST", "/api/deployments", request, idempotency_key=f"kill-{kill}")
            moment = MOMENTS[kill // 3 % 3]
            if last is None:
                moment = "any"
            wait_for_moment(moment, edge, digest, dice)
            edge.process.kill()
            edge.process.wait()
            at[moment] += 1
            check_files(edge)
            edge = start()
            if last is not None:
                found = until("a model in service after the kill", lambda: serving(edge), seconds=20)
                if found not in {digest for _, digest in known}:
                    raise SystemExit(f"after kill {kill} the edge serves {found}")
            state = lambda: trainer.ask("GET", f"/api/deployments/{again['id']}")
            done = until(
                f"the deployment after kill {kill}",
                lambda: (now := state())["status"] in ("serving", "failed") and now, seconds=30,
            )
            if done["status"] == "failed":
                raise SystemExit(f"after kill {kill} the deployment failed: {done['error']}\n{edge.tail()}")
            until(f"the model deployed before kill {kill}", lambda: serving(edge) == digest, seconds=30)
            last = digest
        deployments = trainer.ask("GET", "/api/deployments?limit=500")["items"]
        if len(deployments) != KILLS or len(trainer.ask("GET", "/api/devices")["items"]) != 1:
            raise SystemExit(f"{len(deployments)} deployments after {KILLS} requests that were each sent twice")
        for program in (edge, trainer):
            if status := program.stop():
                raise SystemExit(f"{program.process.args[0]} ended with {status}:\n{program.tail()}")
    print(f"{KILLS} kills of the edge ({', '.join(f'{n} at {m}' for m, n in at.items())}): a proven model serves")


main()
