"""The demo: made once when somebody asks for it, alive on the local device, and removed by one action."""

from claims import Claims, expect, until
from kills import Observer
from stack import Api, Stack


def check(claims: Claims, stack: Stack, _full: bool) -> None:
    def made() -> str:
        stack.deploy("start", "--demo", seconds=150)
        console = stack.console()
        until("the demo", lambda: "[4/4]" in stack.logs("trainer"), 120)
        demo = console.ask("GET", "/api/demo")
        expect(demo["present"] and demo["device_id"] == stack.local_device(console), f"{demo}")
        return answers(stack, demo["device_id"])

    if not claims.check("`deploy.sh start --demo` makes a model, and the local device answers a simulated pump", made):
        return

    def again() -> str:
        stack.compose("restart", "trainer")
        stack.wait_healthy(90)
        console = stack.console()
        expect(len([model for model in console.ask("GET", "/api/training/models")["items"] if model["name"] == "demo-pump"]) == 1, "a second model")
        return answers(stack, console.ask("GET", "/api/demo")["device_id"])

    claims.check("it goes on after a restart", again)

    def removed() -> None:
        console = stack.console()
        console.ask("DELETE", "/api/demo")
        expect(not gone(console), f"{gone(console)} is left")
        stack.compose("restart", "trainer")
        stack.wait_healthy(90)
        console = stack.console()
        expect(not console.ask("GET", "/api/demo")["present"] and not gone(console), "it came back")

    claims.check("DELETE /api/demo removes it for good", removed)


def answers(stack: Stack, device: str) -> str:
    observer = Observer(stack, device, "demo-pump")
    try:
        observer.wait_for_more(4, 40)
        return f"{observer.count()} results"
    finally:
        observer.close()


def gone(console: Api) -> list[str]:
    """What should not be there any more."""
    lists = ("/api/data/datasets", "/api/training/models")
    return [path for path in lists if any(item["name"] == "demo-pump" for item in console.ask("GET", path)["items"])]
