"""Images from a registry: start and update bring them, and a registry that is not there changes nothing."""

import re

from claims import Claims, expect
from stack import IMAGES, SERVICES, Stack, free_port, run

PROGRAMS = ("trainer", "web", "edge")
BROKER = "eclipse-mosquitto:2.0.22"
REGISTRY = "cirame-pull-test/registry"
REVISION = "org.opencontainers.image.revision"


def check(claims: Claims, _stack: Stack | None, _full: bool) -> None:
    stack = Stack("cirame-pull-test")
    port = free_port()
    at = f"127.0.0.1:{port}/plant"
    stack.settings |= {"CIRAME_IMAGES": at, "CIRAME_HEALTH_INTERVAL": "2s"}
    stack.write_settings()
    # A plant whose hosts reach its own registry alone.
    compose = stack.folder / "compose.yaml"
    compose.write_text(compose.read_text().replace(f"image: {BROKER}", f"image: {at}/{BROKER}"))
    registry = f"{stack.name}-registry"
    try:
        if not claims.check("a registry takes the images", lambda: opened(registry, port, at)):
            return
        claims.check("start brings the images of the registry that CIRAME_IMAGES names", lambda: started(stack, at))
        claims.check("update writes a backup, brings newer images of the same tag, starts them and keeps the data", lambda: updated(stack, at))
        claims.check("update changes nothing where the registry does not answer", lambda: unreachable(stack, registry))
    finally:
        stack.remove()
        run("docker", "rm", "-f", registry, check=False)
        for image in (REGISTRY, f"{at}/{BROKER}", *(f"{at}/{name}:latest" for name in PROGRAMS)):
            run("docker", "image", "rm", image, check=False)


def push(image: str) -> None:
    """Sends an image to the registry and forgets it here."""
    run("docker", "push", "--quiet", image)
    run("docker", "image", "rm", image)


def opened(registry: str, port: int, at: str) -> str:
    dockerfile = (
        "FROM debian:bookworm-slim\n"
        "RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends docker-registry >/dev/null && rm -rf /var/lib/apt/lists/*\n"
        "RUN printf 'version: 0.1\\nstorage: {filesystem: {rootdirectory: /var/lib/registry}}\\nhttp: {addr: \":5000\"}\\n' >/registry.yml\n"
        'CMD ["docker-registry", "serve", "/registry.yml"]\n'
    )
    run("docker", "build", "--quiet", "-t", REGISTRY, "-", text=dockerfile, seconds=600)
    run("docker", "run", "-d", "--name", registry, "-p", f"127.0.0.1:{port}:5000", REGISTRY)
    for name in PROGRAMS:
        run("docker", "tag", f"{IMAGES}/{name}:latest", f"{at}/{name}:latest")
        push(f"{at}/{name}:latest")
    run("docker", "tag", BROKER, f"{at}/{BROKER}")
    push(f"{at}/{BROKER}")
    return at


def revision(stack: Stack, name: str) -> str:
    return stack.inspect(name)["Config"]["Labels"][REVISION]


def started(stack: Stack, at: str) -> str:
    stack.deploy("start", seconds=200)
    for name in PROGRAMS:
        expect(stack.inspect(name)["Config"]["Image"] == f"{at}/{name}:latest", f"{name} runs {stack.inspect(name)['Config']['Image']}")
    expect(all(stack.health(name) == "healthy" for name in SERVICES), "not all are healthy")
    return ", ".join(f"{name} {revision(stack, name)}" for name in PROGRAMS)


def updated(stack: Stack, at: str) -> str:
    stack.console().ask("POST", "/api/users", {"name": "grace", "password": "a-long-password-1", "role": "engineer"})
    for name in PROGRAMS:
        image = f"{at}/{name}:latest"
        run("docker", "build", "--quiet", "-t", image, "--label", f"{REVISION}=newer", "-", text=f"FROM {IMAGES}/{name}:latest\n")
        push(image)
    said = stack.deploy("update", seconds=600)
    written = re.search(r"backups/\d{8}_\d{6}\.tar\.gz", said)
    expect(written and (stack.folder / written.group()).stat().st_size, f"no backup was written: {said[-300:]}")
    for name in PROGRAMS:
        expect(revision(stack, name) == "newer" and stack.health(name) == "healthy", f"{name} is {revision(stack, name)}, {stack.health(name)}")
    users = [user["name"] for user in stack.console().ask("GET", "/api/users")["items"]]
    expect("grace" in users, f"{users}")
    return "the containers run the newer images"


def unreachable(stack: Stack, registry: str) -> None:
    before = {name: stack.inspect(name)["Id"] for name in SERVICES}
    run("docker", "stop", "-t", "1", registry)
    said = stack.deploy("update", check=False, seconds=300)
    expect("could not be brought up to date" in said, said[-300:])
    expect({name: stack.inspect(name)["Id"] for name in SERVICES} == before, "a container was replaced")
    expect(all(stack.health(name) == "healthy" for name in SERVICES), "not all are healthy")
