"""The images: they build from dist/, are as small as promised, and hold what they should and nothing else."""

import json
import subprocess
import tarfile
from io import BytesIO

from claims import Claims, expect
from stack import IMAGES, ROOT, Stack, run

MB = 1_000_000
WEB_BASE = "nginx:1.28-alpine"


def build(name: str, tag: str, *options: str) -> None:
    run("docker", "build", "--quiet", "-f", f"docker/{name}.Dockerfile", "-t", f"{IMAGES}/{tag}", *options, ".", cwd=ROOT, seconds=3600)


def size(tag: str) -> int:
    return int(run("docker", "image", "inspect", "-f", "{{.Size}}", tag))


def config(tag: str) -> dict:
    return json.loads(run("docker", "image", "inspect", tag))[0]["Config"]


def files(tag: str) -> list[str]:
    """Every path in an image."""
    container = run("docker", "create", tag).strip().splitlines()[-1]
    try:
        exported = subprocess.run(["docker", "export", container], check=True, stdout=subprocess.PIPE).stdout
    finally:
        run("docker", "rm", container)
    return tarfile.open(fileobj=BytesIO(exported)).getnames()


def small(what: str, bytes_: int, limit_mb: float) -> str:
    expect(bytes_ <= limit_mb * MB, f"{what} has {bytes_ / MB:.1f} MB, {limit_mb} MB are allowed")
    return f"{bytes_ / MB:.2f} MB"


def check(claims: Claims, _stack: Stack | None, _full: bool) -> None:
    dist = ("--build-arg", "FROM=dist")
    built = claims.check("the images of trainer and web build from dist/", lambda: [build(name, f"{name}:latest", *dist) for name in ("trainer", "web")] and None)
    built &= claims.check("the edge's image builds from dist/ for amd64, with tract and lite", lambda: (
        build("edge", "edge:latest", *dist), build("edge", "edge:lite", *dist, "--build-arg", "PROGRAM=cirame-edge-lite"))[2:] or None)
    built &= claims.check("the edge's image builds from dist/ for arm64", lambda: build("edge", "edge:arm64", *dist, "--platform", "linux/arm64"))
    if not built:
        return

    claims.check("the edge's image has at most 18 MB", lambda: small("edge", size(f"{IMAGES}/edge:latest"), 18))
    claims.check("the lite edge's image has at most 6 MB", lambda: small("edge:lite", size(f"{IMAGES}/edge:lite"), 6))
    claims.check("the trainer's image has at most 110 MB", lambda: small("trainer", size(f"{IMAGES}/trainer:latest"), 110))
    claims.check("the web image has at most 10 MB over its base", lambda: small("web", size(f"{IMAGES}/web:latest") - size(WEB_BASE), 10))

    def labels() -> None:
        for name in ("edge", "trainer", "web"):
            found = config(f"{IMAGES}/{name}:latest")["Labels"]
            for label in ("title", "description", "licenses", "version", "revision"):
                expect(found.get(f"org.opencontainers.image.{label}"), f"{name} has no label {label}")

    claims.check("each image has OCI labels", labels)

    def users() -> None:
        for name in ("edge", "trainer", "web"):
            found = config(f"{IMAGES}/{name}:latest")
            expect(found["User"] == "10001:10001", f"{name} runs as {found['User']!r}")
            expect(found["Healthcheck"]["Interval"] == 30_000_000_000, f"{name} is checked every {found['Healthcheck']['Interval']} ns")

    claims.check("each image runs as 10001:10001 and has a health check every 30 s", users)

    def edge_alone() -> None:
        # Docker itself adds places for its mounts.
        made = {path for path in files(f"{IMAGES}/edge:latest") if not path.startswith((".dockerenv", "dev", "etc", "proc", "sys"))}
        expect(made == {"cirame-edge", "state"} or made == {"cirame-edge", "state/"}, f"{sorted(made)}")

    claims.check("the edge's image holds its program and nothing else", edge_alone)

    def no_shell() -> None:
        shells = [path for path in files(f"{IMAGES}/trainer:latest") if path.rsplit("/", 1)[-1] in ("sh", "bash", "dash", "busybox")]
        expect(not shells, f"{shells}")

    claims.check("the trainer's image has no shell", no_shell)

    def no_secrets() -> None:
        for name in ("edge", "trainer", "web"):
            history = run("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", f"{IMAGES}/{name}:latest").lower()
            expect("password" not in history and "token=" not in history, f"{name}: {history}")

    claims.check("no image carries a secret", no_secrets)
