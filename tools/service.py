"""Starts the real programs as a service, and speaks their API: what demo, checks and benchmarks share."""

import atexit
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

# The trainer takes parts of up to 32 MiB.
PART_BYTES = 16 << 20


class Refused(Exception):
    """An answer that is a problem."""

    def __init__(self, status: int, body: str):
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


class Program:
    """A process whose standard error goes to a file and whose first lines are waited for."""

    def __init__(self, command: list, log: Path, environment: dict | None = None):
        self.log = log
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log.open("ab"),
            text=True,
            env={**os.environ, **(environment or {})},
        )
        atexit.register(self.process.kill)
        self.lines: list[str] = []
        self.changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.lines.append("")
            self.changed.notify_all()

    def wait_for(self, pattern: str, seconds: float = 30) -> re.Match:
        """The first line of standard output with this pattern."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                for line in self.lines:
                    if found := re.search(pattern, line):
                        return found
                left = deadline - time.monotonic()
                if left <= 0 or self.process.poll() is not None:
                    raise SystemExit(f"{self.process.args[0]} did not say {pattern!r}:\n{self.tail()}")
                self.changed.wait(min(left, 0.2))

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def resident_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024

    def children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def stop(self, seconds: float = 20) -> int:
        """Asks the program to end, and waits until it has."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise SystemExit(f"{self.process.args[0]} does not end:\n{self.tail()}") from None


class Trainer(Program):
    """`cirame-trainer serve` on a port of its own, signed in as the first user."""

    def __init__(self, programs: Path, folder: Path, *arguments):
        self.data = folder / "data"
        command = [programs / "cirame-trainer", "--data", self.data, "serve", "--listen", "127.0.0.1:0", *arguments]
        super().__init__(command, folder / "trainer.log")
        self.url = self.wait_for(r"listening on (http://\S+)").group(1)
        self.cookie = ""
        if not (folder / "password").exists():
            login = (self.data / "first-login").read_text()
            (folder / "password").write_text(re.search(r"^password (\S+)$", login, re.MULTILINE).group(1))
        self.sign_in("admin", (folder / "password").read_text())

    def sign_in(self, name: str, password: str) -> None:
        body = json.dumps({"name": name, "password": password}).encode()
        request = urllib.request.Request(f"{self.url}/api/session", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            self.cookie = answer.headers["set-cookie"].split(";")[0]

    def ask(self, method: str, path: str, body=None, raw: bytes | None = None, **headers: str):
        """The answer's JSON, or its text where it is none."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            names.setdefault("content-type", "application/json")
        request = urllib.request.Request(
            self.url + path, data, {"cookie": self.cookie, **names}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                if answer.headers.get("content-type", "").startswith("application/json"):
                    return json.loads(text)
                return text
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode(errors="replace")) from None

    def upload(self, path: Path, name: str) -> str:
        content = path.read_bytes()
        upload = self.ask("POST", "/api/data/uploads", {"name": name, "size_bytes": len(content)})
        for offset in range(0, len(content), PART_BYTES):
            self.ask(
                "PATCH", f"/api/data/uploads/{upload['id']}", raw=content[offset : offset + PART_BYTES],
                content_type="application/octet-stream", upload_offset=str(offset),
            )
        return upload["id"]

    def import_folder(self, dataset: str, folder: Path, **options) -> dict:
        uploads = [self.upload(path, path.name) for path in sorted(folder.glob("*.csv"))]
        job = self.ask("POST", f"/api/data/datasets/{dataset}/imports", {"uploads": uploads, "options": options})
        return self.job(job["id"])

    def import_simulated(self, programs: Path, dataset: str, folder: Path, *arguments: str) -> None:
        """Recordings of the simulated pump, imported as anybody's files are."""
        command = [programs / "cirame-trainer", "simulate", "vibration", *arguments, folder]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        self.import_folder(dataset, folder, time="t_ns", label_from="column:label")

    def train(self, **request) -> dict:
        """The report of the run."""
        submitted = self.ask("POST", "/api/training/runs", request)
        self.job(submitted["job"]["id"])
        return self.ask("GET", f"/api/training/runs/{submitted['run_id']}")["report"]

    def job(self, job: str, seconds: float = 600) -> dict:
        """Follows a job to its end by server-sent events."""
        request = urllib.request.Request(f"{self.url}/api/jobs/{job}/events", headers={"cookie": self.cookie})
        with urllib.request.urlopen(request, timeout=seconds) as events:
            last = None
            for line in events:
                if line.startswith(b"data:"):
                    last = json.loads(line[5:])
        if last is None or last["status"] != "succeeded":
            raise SystemExit(f"job {job} has not succeeded: {json.dumps(last)}\n{self.tail()}")
        return last

    def broker(self, user: str) -> dict:
        """How a program signs in at the embedded broker."""
        command = [self.process.args[0], "--data", str(self.data), "--json", "broker-login", user]
        login = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        port = self.wait_for(r"broker on mqtt://\S+:(\d+)").group(1)
        return {**login, "port": int(port)}

    def token(self, name: str, **options) -> str:
        return self.ask("POST", "/api/enrolment-tokens", {"name": name, **options})["secret"]


class Edge(Program):
    """`cirame-edge serve` on a port of its own."""

    def __init__(self, programs: Path, folder: Path, *arguments, environment: dict | None = None):
        self.state = folder / "edge"
        command = [programs / "cirame-edge", "serve", "--state", self.state, "--listen", "127.0.0.1:0", *arguments]
        super().__init__(command, folder / "edge.log", environment)
        self.url = self.wait_for(r"listening on (http://\S+)").group(1)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.read().decode()


def until(what: str, ask, seconds: float = 60):
    """Asks again until there is an answer that counts."""
    deadline = time.monotonic() + seconds
    while True:
        if found := ask():
            return found
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.05)
