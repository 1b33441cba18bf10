"""What compose.yaml starts: healthy in time, hardened, limited, on its own network; `docker inspect` is the witness."""

import json

from claims import Claims, expect
from stack import SERVICES, Stack, run

SECOND = 1_000_000_000
GIB = 1 << 30
# CPU quota in microseconds of 100 ms, memory, reserved memory.
LIMITS = {
    "web": (100_000, GIB // 2, GIB // 4), "trainer": (400_000, 8 * GIB, 4 * GIB), "broker": (100_000, GIB // 2, GIB // 16), "edge": (100_000, GIB // 2, GIB // 16),
}


def check(claims: Claims, stack: Stack, _full: bool) -> None:
    if not claims.check("`docker compose up -d` in a clean checkout is healthy in under 60 s", lambda: f"{stack.up(60):.1f} s"):
        raise SystemExit("nothing else can be checked without running containers")
    inspected = {name: stack.inspect(name) for name in SERVICES}

    def each(holds) -> None:
        for name, found in inspected.items():
            holds(name, found)

    claims.check("no container runs as root", lambda: each(lambda name, c: expect(c["Config"]["User"] == "10001:10001", f"{name}: {c['Config']['User']}")))
    claims.check("every root file system is read-only", lambda: each(lambda name, c: expect(c["HostConfig"]["ReadonlyRootfs"], name)))
    claims.check("no container has a capability, nor can get one", lambda: each(lambda name, c: expect(
        c["HostConfig"]["CapDrop"] == ["ALL"] and not c["HostConfig"]["CapAdd"] and "no-new-privileges:true" in c["HostConfig"]["SecurityOpt"], name)))

    def kernel() -> None:
        for name, container in inspected.items():
            status = open(f"/proc/{container['State']['Pid']}/status").read()
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            expect(int(fields["CapEff"], 16) == 0 and int(fields["CapBnd"], 16) == 0, f"{name} has capabilities {fields['CapEff']} of {fields['CapBnd']}")
            expect(fields["NoNewPrivs"].strip() == "1" and fields["Uid"].split()[0] == "10001", f"{name}: {fields['NoNewPrivs']} {fields['Uid']}")

    claims.check("the kernel says the same of the processes", kernel)

    def limits(name: str, container: dict) -> None:
        host = container["HostConfig"]
        found = (host["CpuQuota"], host["Memory"], host["MemoryReservation"])
        expect(found == LIMITS[name] and host["CpuPeriod"] == 100_000 and host["PidsLimit"], f"{name} has {found}, expected {LIMITS[name]}")

    claims.check("CPU and memory are limited and reserved as documented", lambda: each(limits))
    claims.check("logs are rotated", lambda: each(lambda name, c: expect(
        c["HostConfig"]["LogConfig"] == {"Type": "json-file", "Config": {"max-file": "3", "max-size": "10m"}}, f"{name}: {c['HostConfig']['LogConfig']}")))
    claims.check("all start again after a crash and a boot", lambda: each(lambda name, c: expect(c["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped", name)))

    def intervals() -> None:
        for name, start in (("trainer", 40), ("web", 10)):
            found = inspected[name]["Config"]["Healthcheck"]
            expected = (30 * SECOND, 10 * SECOND, start * SECOND, 3)
            expect((found["Interval"], found["Timeout"], found["StartPeriod"], found["Retries"]) == expected, f"{name}: {found}")

    claims.check("health is checked every 30 s, three failures are one too many", intervals)

    def network() -> None:
        found = json.loads(run("docker", "network", "inspect", f"{stack.name}-network"))[0]
        expect(found["Driver"] == "bridge" and found["IPAM"]["Config"][0]["Subnet"] == stack.settings["CIRAME_SUBNET"], str(found["IPAM"]))
        for name, alias in (("web", "frontend"), ("trainer", "backend")):
            aliases = inspected[name]["NetworkSettings"]["Networks"][f"{stack.name}-network"]["Aliases"]
            expect(alias in aliases, f"{name} is known as {aliases}")

    claims.check("one bridge network with the subnet of the settings, aliases frontend and backend", network)

    def ports() -> None:
        found = {name: {port for port, to in (c["NetworkSettings"]["Ports"] or {}).items() if to} for name, c in inspected.items()}
        expect(found == {"web": {"8080/tcp"}, "trainer": {"5100/tcp"}, "broker": set(), "edge": set()}, str(found))
        api = inspected["trainer"]["NetworkSettings"]["Ports"]["5100/tcp"]
        expect(all(place["HostIp"] == "127.0.0.1" for place in api), f"the API listens on {api}")

    claims.check("only the console is open to the network; the broker has no port on the host", ports)

    def prod() -> None:
        merged = json.loads(stack.compose("-f", "compose.yaml", "-f", "compose.prod.yaml", "config", "--format", "json"))["services"]
        trainer = merged["trainer"]
        found = (int(trainer["cpu_quota"]), int(trainer["deploy"]["resources"]["limits"]["memory"]))
        expect(found == (800_000, 16 * GIB), f"{found}")
        expect(all(merged[name]["restart"] == "always" for name in SERVICES), "restart")
        expect(trainer["environment"]["CIRAME_LOG"] == "json", "logs are not for machines")

    claims.check("production gives the trainer 8 CPUs and 16 GB, JSON logs and `restart: always`", prod)

    def names() -> None:
        plain = json.loads(run("docker", "compose", "config", "--format", "json", cwd=stack.folder, env={**stack.environment(), "COMPOSE_PROJECT_NAME": "cirame", "CIRAME_SUBNET": ""}))
        expect({s["container_name"] for s in plain["services"].values()} >= {"cirame-web", "cirame-trainer", "cirame-broker", "cirame-edge"}, "container names")
        network = plain["networks"]["cirame"]
        expect(network["name"] == "cirame-network" and network["ipam"]["config"][0]["subnet"] == "172.20.0.0/16", str(network))

    claims.check("without settings the names are cirame-*, the network is cirame-network, 172.20.0.0/16", names)

    def secrets() -> None:
        login = stack.volumes / "data" / "first-login"
        expect(login.stat().st_mode & 0o077 == 0, "first-login is readable by others")
        expect((stack.volumes / "broker-login" / "password").stat().st_mode & 0o077 == 0, "the broker's password is readable by others")
        # The kernel's view: passwords stand in no environment and no command line.
        password = (stack.volumes / "broker-login" / "password").read_text().strip()
        for name, container in inspected.items():
            told = json.dumps(container["Config"])
            expect(password not in told, f"{name} is told the broker's password in its environment")

    claims.check("passwords are made at the first start, stand in files of 0600 and in no environment", secrets)
