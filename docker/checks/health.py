"""A container that hangs is noticed, and is well again when it goes on; with checks every second, so that nobody waits."""

import json

from claims import Claims, expect, until
from stack import SERVICES, Stack, run

QUICK = "services:\n" + "".join(
    f"  {name}:\n    healthcheck: {{ interval: 1s, timeout: 6s, start_period: 60s, retries: 2 }}\n" for name in SERVICES
)


def check(claims: Claims, stack: Stack, full: bool) -> None:
    if full:
        claims.check("a hung trainer is unhealthy at the checks' own pace, within three of them", lambda: hang(stack, ["trainer"], 150))
    (stack.folder / "quick.yaml").write_text(QUICK)
    stack.compose("-f", "compose.yaml", "-f", "quick.yaml", "up", "-d")
    stack.wait_healthy(60)
    claims.check("each container that hangs becomes unhealthy, and healthy when it goes on", lambda: hang(stack, list(SERVICES), 60))

    def why() -> str:
        stack.signal("trainer", "STOP")
        try:
            until("unhealthy", lambda: stack.health("trainer") == "unhealthy", 60)
            log = json.loads(run("docker", "inspect", "-f", "{{json .State.Health.Log}}", stack.container("trainer")))
            said = [entry["Output"].strip() for entry in log if entry["ExitCode"]]
            expect(any(said), "the check says nothing")
            return f"“{max(said, key=len)[:160]}”"
        finally:
            stack.signal("trainer", "CONT")
            until("healthy", lambda: stack.health("trainer") == "healthy", 60)

    claims.check("the check says what is wrong", why)
    stack.compose("up", "-d")


def hang(stack: Stack, names: list[str], seconds: float) -> None:
    try:
        for name in names:
            stack.signal(name, "STOP")
        for name in names:
            until(f"unhealthy {name}", lambda name=name: stack.health(name) == "unhealthy", seconds)
    finally:
        for name in names:
            stack.signal(name, "CONT")
    for name in names:
        until(f"healthy {name}", lambda name=name: stack.health(name) == "healthy", seconds)
