"""What is wrong with the machine is said with the command that mends it: folders of somebody else, and the doctor."""

import json
import os

from claims import Claims, expect
from stack import Stack, run


def check(claims: Claims, stack: Stack, _full: bool) -> None:
    foreign = stack.folder / "foreign"
    for name in ("data", "models", "datasets", "broker", "broker-login", "edge", "edge-login", "tls"):
        (foreign / name).mkdir(parents=True)
        (foreign / name / "kept").write_text("somebody's")
        (foreign / name).chmod(0o755)
    environment = stack.environment(CIRAME_VOLUMES=str(foreign))
    owner = f"{os.getuid()}:{os.getgid()}"

    def says(service: str, folder: str) -> str:
        said = run(
            "docker", "compose", "run", "--rm", "-T", "--no-deps", "--name", f"{stack.name}-foreign", service, cwd=stack.folder, env=environment, check=False, seconds=30,
        )
        for what in (owner, "10001:10001", "chown", folder):
            expect(what in said, f"{what!r} is not in: {said[-600:]}")
        return next((line for line in said.splitlines() if "chown" in line), "")[:200]

    claims.check("a trainer that cannot write says owner, user and the command that mends it", lambda: says("trainer", "data"))
    claims.check("a broker that cannot write says owner, user and the command that mends it", lambda: says("broker", "docker-volumes/broker"))

    def untouched() -> None:
        run("docker", "compose", "run", "--rm", "-T", "--no-deps", "--name", f"{stack.name}-foreign", "volumes", cwd=stack.folder, env=environment)
        for name in ("data", "broker"):
            expect((foreign / name).stat().st_uid == os.getuid(), f"{name} was given away with something in it")

    claims.check("folders with something in them are never given away", untouched)

    def doctor() -> str:
        said = stack.compose("exec", "-T", "trainer", "/cirame-trainer", "--json", "doctor")
        findings = json.loads(said[said.index("{") :])["findings"]
        failed = [found for found in findings if found["verdict"] == "failure"]
        expect(not failed, str(failed))
        return ", ".join(sorted({f"{found['check']} {found['verdict']}" for found in findings}))

    claims.check("`cirame-trainer doctor` finds nothing wrong in the container", doctor)
