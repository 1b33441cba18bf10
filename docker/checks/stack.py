"""The system in containers, as a checkout of its own with its own names, ports and network; and its API."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import service  # noqa: E402
from claims import Broken, until  # noqa: E402

# What a checkout holds that the containers need.
CHECKOUT = [
    "compose.yaml", "compose.prod.yaml", "compose.tls.yaml", "compose.mqtt.yaml", "compose.mqtts.yaml",
    ".env.example", "deploy.sh", "docker", "docker-volumes", "backups", "Cargo.toml",
]
IMAGES = "cirame-test"
SERVICES = ("broker", "trainer", "web", "edge")


def run(*command: object, check: bool = True, seconds: float = 300, cwd: Path | None = None, env: dict | None = None, text: str | None = None) -> str:
    """What a command says on standard output and standard error."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env=env, input=text, stdin=None if text is not None else subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=seconds,
    )
    if check and done.returncode:
        raise Broken(f"`{' '.join(words)[:200]}` ended with {done.returncode}: {done.stdout[-2000:]}")
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Api(service.Trainer):
    """The API of a trainer that runs already, as the first user."""

    def __init__(self, url: str, password: str):
        self.url = url
        self.cookie = ""
        self.sign_in("admin", password)

    def tail(self) -> str:
        return "see the trainer's log"


class Stack:
    """A checkout in a folder of its own, and the containers that it starts."""

    def __init__(self, name: str = "cirame-test"):
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix="cirame-containers-"))
        files = run("git", "ls-files", "--cached", "--others", "--exclude-standard", *CHECKOUT, cwd=ROOT).split()
        for file in files:
            target = self.folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, target)
        # What `deploy.sh build` does: boards install from here.
        for program in ("VERSION", "cirame-edge-amd64", "cirame-edge-arm64"):
            if (ROOT / "dist/edge" / program).exists():
                shutil.copy2(ROOT / "dist/edge" / program, self.volumes / "edge-programs")
        self.web_port, self.api_port, self.https_port = free_port(), free_port(), free_port()
        self.settings = {
            "COMPOSE_PROJECT_NAME": name, "CIRAME_IMAGES": IMAGES, "CIRAME_SUBNET": self.free_subnet(name),
            "CIRAME_WEB_PORT": self.web_port, "CIRAME_API_PORT": self.api_port, "CIRAME_HTTPS_PORT": self.https_port,
            "CIRAME_WEB_ADDRESS": "127.0.0.1",
        }
        self.write_settings()
        self.password = ""

    @staticmethod
    def free_subnet(name: str) -> str:
        """One that nothing routes; each name begins to look elsewhere."""
        used, first = run("ip", "-4", "route"), sum(name.encode()) % 50
        return next(f"10.{200 + (first + n) % 50}.77.0/24" for n in range(50) if f"10.{200 + (first + n) % 50}." not in used)

    def write_settings(self) -> None:
        (self.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()))

    @property
    def volumes(self) -> Path:
        return self.folder / "docker-volumes"

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    def environment(self, **more: str) -> dict:
        """Nothing of the caller's settings: .env says them."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CIRAME_", "COMPOSE_", "RUST_LOG"))}
        return {**kept, **more}

    def compose(self, *command: object, **options) -> str:
        return run("docker", "compose", *command, cwd=self.folder, env=self.environment(), **options)

    def deploy(self, *command: object, cwd: Path | None = None, **options) -> str:
        return run(self.folder / "deploy.sh", *command, cwd=cwd or Path("/"), env=self.environment(), **options)

    def container(self, service_name: str) -> str:
        return f"{self.name}-{service_name}"

    def inspect(self, service_name: str) -> dict:
        return json.loads(run("docker", "inspect", self.container(service_name)))[0]

    def health(self, service_name: str) -> str:
        return run("docker", "inspect", "-f", "{{.State.Health.Status}}", self.container(service_name), check=False).strip()

    def address(self, service_name: str) -> str:
        return next(iter(self.inspect(service_name)["NetworkSettings"]["Networks"].values()))["IPAddress"]

    def logs(self, service_name: str) -> str:
        return run("docker", "logs", self.container(service_name), check=False)

    def up(self, seconds: float = 60) -> float:
        """Starts everything; seconds until all are healthy."""
        start = time.monotonic()
        self.compose("up", "-d")
        left = seconds - (time.monotonic() - start)
        try:
            until("health of all", lambda: all(self.health(name) == "healthy" for name in SERVICES), left)
        except Broken as late:
            states = {name: self.health(name) for name in SERVICES}
            logs = "\n".join(f"{name}: {self.logs(name)[-400:]}" for name, state in states.items() if state != "healthy")
            raise Broken(f"{late}: {states}\n{logs}") from None
        return time.monotonic() - start

    def wait_healthy(self, seconds: float = 90) -> None:
        until("health of all", lambda: all(self.health(name) == "healthy" for name in SERVICES), seconds)

    def console(self, url: str | None = None) -> Api:
        """Signed in; the first time with the password that stands in first-login."""
        if not self.password:
            login = (self.volumes / "data" / "first-login").read_text()
            self.password = re.search(r"^password (\S+)$", login, re.MULTILINE).group(1)
        return Api(url or self.web, self.password)

    def broker_login(self) -> dict:
        """The administrator's, for listening to everything."""
        password = (self.volumes / "broker-login" / "password").read_text().strip()
        return {"host": self.address("broker"), "port": 1883, "user": "trainer", "password": password}

    def sensor_login(self, name: str) -> dict:
        """An account of its own at the broker."""
        said = self.compose("exec", "-T", "trainer", "/cirame-trainer", "--json", "broker-login", name)
        login = json.loads(said[said.index("{"):])
        return {"host": self.address("broker"), "port": 1883, "user": login["user"], "password": login["password"]}

    def simulate(self, into: Path, *arguments: object) -> Path:
        """Recordings of a simulated machine, made by the trainer's image."""
        into.mkdir(parents=True)
        into.chmod(0o777)
        run(
            "docker", "run", "--rm", "--network", "none", "--user", f"{os.getuid()}:{os.getgid()}", "-v", f"{into}:/out", f"{IMAGES}/trainer:latest",
            "simulate", *arguments, "/out/files",
        )
        return into / "files"

    def ensure_model(self, console: Api) -> None:
        """A dataset `pump`, a proved model `pump`, and the local device serves it."""
        if not console.ask("GET", "/api/training/models")["items"]:
            recordings = self.simulate(self.folder / "learned", "vibration", "--seconds", "6", "--per-class", "4")
            console.import_folder("pump", recordings, time="t_ns", label_from="column:label")
            console.train(
                dataset="pump", estimator="random_forest_classifier", model="pump", parameters={"n_estimators": 20},
                pipeline={"window": {"seconds": 0.5}, "stride": {"seconds": 0.25}},
            )
        self.deploy_model(console, self.local_device(console))

    @staticmethod
    def local_device(console: Api) -> str:
        """The id of the device that compose.yaml starts."""
        return until("the local device", lambda: device_named(console, "local"), 60)["id"]

    @staticmethod
    def deploy_model(console: Api, device: str, seconds: float = 60) -> dict:
        """The deployment of `pump` 1, once the device serves it."""
        made = console.ask("POST", "/api/deployments", {"device_id": device, "model": "pump", "version": 1})

        def served():
            now = console.ask("GET", f"/api/deployments/{made['id']}")
            if now["status"] == "failed":
                raise Broken(f"the deployment failed: {now.get('error')}")
            return now["status"] == "serving" and now

        return until("the model on the device", served, seconds)

    def signal(self, service_name: str, signal: str, first_alone: bool = False) -> None:
        """A signal to the processes of a container from outside, as a fault would come; `docker kill` counts as a stop that somebody wanted."""
        listed = run("docker", "top", self.container(service_name), "-eo", "pid").split()[1:]
        pids = [str(self.inspect(service_name)["State"]["Pid"])] if first_alone else listed
        run(
            "docker", "run", "--rm", "--pid", "host", "--user", "0", "--network", "none", "--entrypoint", "/bin/sh", "eclipse-mosquitto:2.0.22",
            # A health check that was at work may have ended since.
            "-c", f"for pid in {' '.join(pids)}; do kill -{signal} $pid || true; done",
        )

    def down(self) -> None:
        self.compose("--profile", "*", "down", "--remove-orphans", "--timeout", "3", check=False)

    def remove(self) -> None:
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)


def device_named(console: Api, name: str) -> dict | None:
    return next((device for device in console.ask("GET", "/api/devices")["items"] if device["name"] == name), None)


class Answer:
    """Status, headers (each with all its values) and body."""

    def __init__(self, status: int, headers, body: bytes):
        self.status = status
        self.headers = {name.lower(): headers.get_all(name) for name in headers.keys()}
        self.body = body

    def header(self, name: str) -> str | None:
        values = self.headers.get(name)
        if values and len(values) > 1:
            raise Broken(f"{name} comes {len(values)} times: {values}")
        return values[0] if values else None


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def get(url: str, method: str = "GET", body: bytes | None = None, context=None, seconds: float = 30, **headers: str) -> Answer:
    request = urllib.request.Request(url, body, {name.replace("_", "-"): value for name, value in headers.items()}, method=method)
    opener = urllib.request.build_opener(_Stay, urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=seconds) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())
