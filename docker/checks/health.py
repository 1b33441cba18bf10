"""A container that hangs is noticed, and is well again when it goes on; with checks every second, so that nobody waits."""

import json

from claims import Claims, expect, until
from stack import SERVICES, Stack, run

QUICK = "services:\n" + "".join(
    f"  {name}:\n    healthcheck: {{ interval: 1s, timeout: 6s, start_period: 60s, retries: 1 }}\n" for name in SERVICES
)


def check(claims: Claims, stack: Stack, full: bool) -> None:
    if full:
        claims.check("a hung trainer is unhealthy at the checks' own pace, within three of them", lambda: hang(stack, ["trainer"], 150))
    (stack.folder / "quick.yaml").write_text(QUICK)
    stack.compose("-f", "compose.yaml", "-f", "quick.yaml", "up", "-d")
    stack.wait_healthy(60)
    claims.check("each container that hangs becomes unhealthy, says what is wrong, and is healthy when it goes on", lambda: hang(stack, list(SERVICES), 60))
    stack.compose("up", "-d")


def hang(stack: Stack, names: list[str], seconds: float) -> str:
    try:
        for name in names:
            stack.signal(name, "STOP")
        for name in names:
            until(f"unhealthy {name}", lambda name=name: stack.health(name) == "unhealthy", seconds)
        said = why(stack)
    finally:
        for name in names:
            stack.signal(name, "CONT")
    for name in names:
        until(f"healthy {name}", lambda name=name: stack.health(name) == "healthy", seconds)
    return said


def why(stack: Stack) -> str:
    """What the trainer's check has said last."""
    log = json.loads(run("docker", "inspect", "-f", "{{json .State.Health.Log}}", stack.container("trainer")))
    said = [entry["Output"].strip() for entry in log if entry["ExitCode"]][-1]
    expect("5100" in said and "busy or hangs" in said, f"the check says {said!r}")
    return said
