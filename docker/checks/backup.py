"""A backup is written while everything runs; all data is destroyed; the restored system has the same users, datasets, models and answers."""

import hashlib

import numpy
import onnxruntime
from claims import Claims, expect, until
from stack import Api, Stack, run

# Everything but the device's own key and models, which are the device's; those come after.
ERASED = ("data", "models", "datasets", "broker", "broker-login", "edge-login")


def facts(console: Api) -> dict:
    """What a backup must bring back."""
    datasets = {}
    for dataset in console.ask("GET", "/api/data/datasets")["items"]:
        datasets[dataset["name"]] = console.ask("GET", f"/api/data/datasets/{dataset['name']}/versions/1")
    models, answers = {}, {}
    for model in console.ask("GET", "/api/training/models")["items"]:
        name = model["name"]
        artifact = console.ask("GET", f"/api/training/models/{name}/versions/1/artifact")
        models[name] = (hashlib.sha256(artifact).hexdigest(), console.ask("GET", f"/api/training/models/{name}/versions/1/proof"))
        answers[name] = predict(artifact)
    users = sorted((user["name"], user["role"]) for user in console.ask("GET", "/api/users")["items"])
    runs = sorted(run_["id"] for run_ in console.ask("GET", "/api/training/runs")["items"])
    return {"users": users, "datasets": datasets, "models": models, "answers": answers, "runs": runs}


def predict(artifact: bytes) -> list:
    """What the file answers for one window, by ONNX Runtime."""
    session = onnxruntime.InferenceSession(artifact)
    _, samples, channels = session.get_inputs()[0].shape
    window = numpy.sin(numpy.arange(samples * channels, dtype=numpy.float32)).reshape(1, samples, channels)
    return [output.tolist() for output in session.run(None, {"windows": window})]


def erase(stack: Stack, folders: tuple[str, ...]) -> None:
    script = "for folder in " + " ".join(folders) + '; do find "/v/$folder" -mindepth 1 ! -name .gitkeep -delete; done'
    run("docker", "run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "/bin/sh", "-v", f"{stack.volumes}:/v", "eclipse-mosquitto:2.0.22", "-c", script)


def check(claims: Claims, stack: Stack, _full: bool) -> None:
    console = stack.console()
    stack.ensure_model(console)
    if not any(user["name"] == "grace" for user in console.ask("GET", "/api/users")["items"]):
        console.ask("POST", "/api/users", {"name": "grace", "password": "a-long-password-1", "role": "engineer"})
    before = facts(console)
    made: list[str] = []

    def written() -> str:
        made.append(stack.deploy("backup").strip().splitlines()[-1])
        file = stack.folder / made[0]
        expect(file.is_file() and file.stat().st_mode & 0o077 == 0, f"{file} is readable by others, or not there")
        return f"{made[0]}, {file.stat().st_size / 1e6:.1f} MB"

    if not claims.check("`deploy.sh backup` writes backups/YYYYMMDD_HHMMSS.tar.gz while everything runs", written):
        return

    def asks() -> None:
        said = stack.deploy("restore", made[0], check=False)
        expect("--yes" in said and stack.health("trainer") == "healthy", said[-300:])

    claims.check("`deploy.sh restore` changes nothing without a yes", asks)

    def damaged() -> None:
        bytes_ = bytearray((stack.folder / made[0]).read_bytes())
        bytes_[len(bytes_) // 2] ^= 1
        (stack.folder / "backups" / "damaged.tar.gz").write_bytes(bytes_)
        said = stack.deploy("restore", "backups/damaged.tar.gz", "--yes", check=False, cwd=stack.folder)
        expect("not whole" in said and stack.health("trainer") == "healthy", said[-300:])

    claims.check("a backup with one flipped bit is refused before anything stops", damaged)

    def restored() -> None:
        stack.compose("down", "--timeout", "5")
        erase(stack, ERASED)
        said = stack.deploy("restore", made[0], "--yes", cwd=stack.folder, seconds=240)
        expect("restored" in said, said[-300:])
        after = facts(stack.console())
        for name, value in before.items():
            expect(after[name] == value, f"{name}: {str(value)[:300]} before, {str(after[name])[:300]} after")

    if not claims.check("after all data was destroyed, users, datasets, models, runs and a prediction are the same", restored):
        return

    def enrolled() -> None:
        now = stack.console()
        until("a device that is heard", lambda: any(device["heartbeat"] for device in now.ask("GET", "/api/devices")["items"]), 60)
        stack.wait_healthy(90)

    claims.check("the local device works with the restored trainer", enrolled)

    def lost() -> None:
        now = stack.console()
        stack.compose("stop", "edge")
        erase(stack, ("edge",))
        before_ids = {device["id"] for device in now.ask("GET", "/api/devices")["items"]}
        for device in before_ids:
            now.ask("DELETE", f"/api/devices/{device}")
        stack.compose("restart", "trainer")
        stack.compose("up", "-d")
        stack.wait_healthy(120)
        again = stack.console().ask("GET", "/api/devices")["items"]
        expect(len(again) == 1 and again[0]["id"] not in before_ids, f"{again}")

    def forgotten() -> None:
        now = stack.console()
        known = {device["id"] for device in now.ask("GET", "/api/devices")["items"]}
        for device in known:
            now.ask("DELETE", f"/api/devices/{device}")
        # As after a restore: both start, the trainer before the device.
        stack.compose("stop", "edge")
        stack.compose("restart", "trainer")
        stack.compose("up", "-d")
        stack.wait_healthy(120)
        now = stack.console()
        until("the device under another id", lambda: any(
            device["id"] not in known and device["heartbeat"] and device["heartbeat"]["broker_connected"] for device in now.ask("GET", "/api/devices")["items"]), 60)

    claims.check("a local device that the trainer does not know enrols again by itself, with its key", forgotten)
    claims.check("a local device whose state is lost enrols again, once it was removed in the console", lost)
