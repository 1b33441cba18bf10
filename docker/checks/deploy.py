"""deploy.sh: each command, from any directory; it asks before it destroys and touches nothing of others."""

import json
import re
import shutil
import subprocess
import threading

from claims import Claims, expect
from stack import IMAGES, ROOT, SERVICES, Stack, get, run

OWN_IMAGES = "cirame-deploy-test"


def check(claims: Claims, _stack: Stack | None, _full: bool) -> None:
    stack = Stack("cirame-deploy-test")
    stack.settings |= {"CIRAME_IMAGES": OWN_IMAGES, "CIRAME_HEALTH_INTERVAL": "2s"}
    stack.write_settings()
    repository(stack)
    foreign = f"{stack.name}-foreign"
    try:
        claims.check("help names every command", lambda: named(stack))
        claims.check("an unknown command is refused", lambda: expect("there is no command" in stack.deploy("fly", check=False), "it is not"))
        claims.check("setup refuses a subnet that overlaps a route of the host, and proposes one that is free", lambda: overlaps(stack))
        claims.check("setup passes with a free subnet, from any directory", lambda: expect("ready:" in stack.deploy("setup"), "it does not"))
        if not claims.check("build makes the images of what dist/ has, and hands the edge runtime out", lambda: built(stack)):
            return
        run("docker", "volume", "create", foreign)
        run("docker", "tag", "nginx:1.28-alpine", f"{foreign}:1")
        run("docker", "run", "-d", "--name", foreign, "-v", f"{foreign}:/v", f"{foreign}:1")

        def started() -> None:
            said = stack.deploy("start", "prod", "--mqtt", seconds=150)
            expect(f"http://localhost:{stack.web_port}" in said and "first-login" in said, said[-400:])
            expect(all(stack.health(name) == "healthy" for name in SERVICES), "not all are healthy")
            expect(stack.inspect("trainer")["HostConfig"]["RestartPolicy"]["Name"] == "always", "not production")
            expect(stack.inspect("trainer")["HostConfig"]["Memory"] == 16 << 30, "not production's memory")

        stack.settings |= {"CIRAME_MQTT_PORT": 0, "CIRAME_WS_PORT": 0}
        stack.write_settings()
        claims.check("start prod --mqtt waits until all is healthy, with production's limits", started)
        claims.check("--mqtt opens the broker, and nothing else does", lambda: expect(
            (stack.inspect("broker")["NetworkSettings"]["Ports"] or {}).get("1883/tcp"), "1883 is not published"))
        claims.check("status shows health, memory and the doctor's findings", lambda: expect(
            re.search(r"trainer.*healthy", said := stack.deploy("status")) and "MEM USAGE" in said, "it does not"))
        claims.check("logs follows what a container says", lambda: followed(stack))
        claims.check("update writes a backup, brings newer sources, builds and starts them", lambda: updated(stack))
        claims.check("update changes nothing where the sources have gone another way", lambda: diverged(stack))
        claims.check("restart brings everything back", lambda: (stack.deploy("restart", "web"), stack.wait_healthy(60))[2:] or None)
        claims.check("a start without options keeps what was said", lambda: kept(stack))
        claims.check("start dev closes the broker again", lambda: (stack.deploy("start", "dev", seconds=150), expect(
            not (stack.inspect("broker")["NetworkSettings"]["Ports"] or {}).get("1883/tcp"), "1883 is still published"))[2:] or None)
        claims.check("stop stops all and keeps all", lambda: (stack.deploy("stop"), expect(
            (stack.volumes / "data" / "cirame.db").exists() and stack.inspect("web")["State"]["Status"] == "exited", "it does not"))[2:] or None)

        def cleaned() -> None:
            said = stack.deploy("clean", check=False)
            expect("--yes" in said and stack.inspect("web"), "clean does not ask")
            said = stack.deploy("clean", "--data", "--yes")
            for name in ("edge", "trainer", "web"):
                expect("No such" in run("docker", "image", "inspect", f"{OWN_IMAGES}/{name}:latest", check=False), f"the image {name} is still there")
            expect("No such" in run("docker", "inspect", stack.container("web"), check=False), "a container is still there")
            expect(not (stack.volumes / "data" / "cirame.db").exists() and (stack.volumes / "data" / ".gitkeep").exists(), said)

        claims.check("clean asks, and removes our containers, network, images and, with --data, data", cleaned)

        def others() -> None:
            expect(json.loads(run("docker", "inspect", foreign))[0]["State"]["Running"], "the other container")
            run("docker", "volume", "inspect", foreign)
            for image in (f"{foreign}:1", f"{IMAGES}/web:latest", "eclipse-mosquitto:2.0.22"):
                run("docker", "image", "inspect", image)

        claims.check("clean leaves containers, volumes and images of others alone", others)
    finally:
        run("docker", "rm", "-f", foreign, check=False)
        run("docker", "volume", "rm", foreign, check=False)
        run("docker", "image", "rm", f"{foreign}:1", check=False)
        stack.remove()


def git(stack: Stack, *command: str) -> str:
    return run("git", "-c", "user.name=check", "-c", "user.email=check@localhost", "-c", "commit.gpgsign=false", *command, cwd=stack.folder).strip()


def repository(stack: Stack) -> None:
    """The checkout becomes a clone of a repository beside it, with programs in dist/ as `make dist dist-trainer console` leaves them."""
    for path in (".gitignore", ".dockerignore"):
        shutil.copy2(ROOT / path, stack.folder)
    for path in ("dist/edge", "dist/trainer", "web/dist"):
        shutil.copytree(ROOT / path, stack.folder / path)
    (stack.folder / ".git/info").mkdir(parents=True)
    git(stack, "init", "--quiet", "--initial-branch", "main")
    # The console's own .gitignore is not here; settings and data are nobody's sources.
    (stack.folder / ".git/info/exclude").write_text("/web/dist\n/.env\n/docker-volumes/*/*\n/backups/*\n")
    git(stack, "add", ".")
    git(stack, "commit", "--quiet", "-m", "first")
    git(stack, "clone", "--quiet", "--bare", ".", str(stack.folder / ".git/origin"))
    git(stack, "remote", "add", "origin", str(stack.folder / ".git/origin"))
    git(stack, "fetch", "--quiet", "origin")
    git(stack, "branch", "--quiet", "--set-upstream-to", "origin/main")


def revision(stack: Stack, service: str) -> str:
    """The commit that the running container's image was built from."""
    return stack.inspect(service)["Config"]["Labels"]["org.opencontainers.image.revision"]


def built(stack: Stack) -> str:
    said = stack.deploy("build", seconds=600)
    expect("building from dist" in said, said[-400:])
    for name in ("edge", "trainer", "web"):
        labels = json.loads(run("docker", "image", "inspect", f"{OWN_IMAGES}/{name}:latest"))[0]["Config"]["Labels"]
        expect(labels["org.opencontainers.image.revision"] == git(stack, "rev-parse", "--short", "HEAD"), f"{name}: {labels}")
    expect((stack.volumes / "edge-programs/cirame-edge-amd64").stat().st_mode & 0o111, "no edge runtime for boards")
    return "edge, trainer, web"


def followed(stack: Stack) -> str:
    follower = subprocess.Popen(
        [stack.folder / "deploy.sh", "logs", "trainer"], cwd="/", env=stack.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    # Nothing to read for ever would be a failure as well.
    late = threading.Timer(30, follower.kill)
    late.start()
    try:
        lines = iter(follower.stdout.readline, "")
        expect(any("the trainer listens" in line for line in lines), "what was said before is not shown")
        stack.signal("trainer", "TERM")
        expect(any("the trainer has ended" in line for line in lines), "what is said now is not shown")
    finally:
        late.cancel()
        follower.kill()
        follower.wait()
    stack.wait_healthy(90)
    return "what was said before, and what came then"


def updated(stack: Stack) -> str:
    console = stack.console()
    console.ask("POST", "/api/users", {"name": "grace", "password": "a-long-password-1", "role": "engineer"})
    before, old = set((stack.folder / "backups").glob("*.tar.gz")), revision(stack, "trainer")
    git(stack, "commit", "--quiet", "--allow-empty", "-m", "newer")
    newer = git(stack, "rev-parse", "--short", "HEAD")
    git(stack, "push", "--quiet", "origin", "main")
    git(stack, "reset", "--quiet", "--hard", "HEAD~1")
    expect(revision(stack, "trainer") == old != newer, "the container is of another commit")
    stack.deploy("update", seconds=600)
    expect(len(set((stack.folder / "backups").glob("*.tar.gz")) - before) == 1, "no backup was written")
    for name in ("trainer", "web", "edge"):
        expect(revision(stack, name) == newer, f"{name} is of {revision(stack, name)}, not of {newer}")
        expect(stack.health(name) == "healthy", f"{name} is not healthy")
    users = [user["name"] for user in stack.console().ask("GET", "/api/users")["items"]]
    expect("grace" in users, f"{users}")
    expect((stack.inspect("broker")["NetworkSettings"]["Ports"] or {}).get("1883/tcp"), "the broker was closed")
    return f"{old} became {newer}"


def diverged(stack: Stack) -> None:
    git(stack, "commit", "--quiet", "--allow-empty", "-m", "of the origin")
    git(stack, "push", "--quiet", "origin", "main")
    git(stack, "reset", "--quiet", "--hard", "HEAD~1")
    git(stack, "commit", "--quiet", "--allow-empty", "-m", "of ours")
    before = revision(stack, "trainer")
    said = stack.deploy("update", check=False, seconds=600)
    expect("could not be brought up to date" in said and revision(stack, "trainer") == before, said[-300:])
    git(stack, "reset", "--quiet", "--hard", "origin/main")


def named(stack: Stack) -> None:
    said = stack.deploy("help")
    for command in ("setup", "build", "start", "stop", "restart", "logs", "status", "backup", "restore", "update", "clean", "tls", "help"):
        expect(f"  {command} " in said, f"{command} is not in the help")


def overlaps(stack: Stack) -> str:
    free = stack.settings["CIRAME_SUBNET"]
    try:
        for taken in ("172.17.0.0/16", "172.16.0.0/12", "172.17.8.0/24"):
            stack.settings["CIRAME_SUBNET"] = taken
            stack.write_settings()
            said = stack.deploy("setup", check=False)
            proposed = re.search(r"CIRAME_SUBNET=(\S+), which is free", said)
            expect("overlaps 172.17.0.0/16" in said and proposed, said[-300:])
            stack.settings["CIRAME_SUBNET"] = proposed.group(1)
            stack.write_settings()
            expect("ready:" in stack.deploy("setup"), f"{proposed.group(1)} is not free")
        return f"{taken} is refused, {proposed.group(1)} proposed"
    finally:
        stack.settings["CIRAME_SUBNET"] = free
        stack.write_settings()


def kept(stack: Stack) -> None:
    stack.deploy("start", seconds=150)
    expect((stack.inspect("broker")["NetworkSettings"]["Ports"] or {}).get("1883/tcp"), "1883 is not published any more")
    expect(get(stack.web + "/api/health").status == 200, "the API does not answer")
