"""The 64-bit Arm image, under emulation: it enrols, proves the model on its own processor, and answers."""

from claims import Claims, expect, until
from kills import Observer
from machine import Machine
from stack import IMAGES, Stack, device_named, run


def check(claims: Claims, stack: Stack, _full: bool) -> None:
    console = stack.console()
    stack.ensure_model(console)
    name = f"{stack.name}-arm64"
    token = console.token("arm64", uses=1)

    def enrols() -> str:
        run(
            "docker", "run", "-d", "--name", name, "--platform", "linux/arm64", "--network", f"{stack.name}-network", "--read-only", "--cap-drop", "ALL",
            "--security-opt", "no-new-privileges:true", "--tmpfs", "/state:uid=10001,gid=10001,mode=700", "--tmpfs", "/tmp:mode=1777",
            "-e", f"CIRAME_TOKEN={token}", f"{IMAGES}/edge:arm64", "serve", "--trainer", "http://trainer:5100", "--name", "arm64",
        )
        found = until("the arm64 device", lambda: device_named(console, "arm64"), 60)
        expect(found["arch"] == "aarch64", f"it says that it is {found['arch']}")
        return found["arch"]

    try:
        if not claims.check("the arm64 edge enrols", enrols):
            print(run("docker", "logs", name, check=False)[-1500:])
            return
        device = until("the arm64 device", lambda: device_named(console, "arm64"), 60)

        def proves() -> str:
            deployment = stack.deploy_model(console, device["id"], 120)
            proof = deployment["proof"]
            judges = {(judge["engine"], judge["arch"]) for judge in (proof or {}).get("judges", [])}
            expect(("native", "aarch64") in judges, f"the proof is {proof}")
            return f"{proof['golden_windows']} windows, {', '.join(f'{engine} on {arch}' for engine, arch in sorted(judges))}"

        claims.check("the arm64 edge proves the model on its processor and serves it", proves)

        def answers() -> str:
            observer = Observer(stack, device["id"], "on-arm")
            try:
                recordings = stack.simulate(stack.folder / "on-arm", "vibration", "--seconds", "5", "--per-class", "1", "--seed", "4")
                with Machine(stack.sensor_login("on-arm"), recordings, "on-arm"):
                    observer.wait_for_more(8, 60)
                return f"{observer.count()} results"
            finally:
                observer.close()

        claims.check("the arm64 edge answers samples", answers)
    finally:
        run("docker", "rm", "-f", name, check=False)
        if device := device_named(console, "arm64"):
            console.ask("DELETE", f"/api/devices/{device['id']}")

