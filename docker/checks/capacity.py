"""How far one trainer goes: what devices, browsers and results cost it, measured on its container; figures, not claims."""

import json
import os
import subprocess
import threading
import time

from claims import Claims, expect
from kills import Observer
from machine import client
from stack import ROOT, Api, Stack, get

DEVICES = 60
SECONDS = 20
READERS = 8
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(stack: Stack, name: str) -> float:
    """Processor time of a container's first process."""
    fields = open(f"/proc/{stack.inspect(name)['State']['Pid']}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(stack: Stack, name: str) -> float:
    status = open(f"/proc/{stack.inspect(name)['State']['Pid']}/status").read()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def check(claims: Claims, stack: Stack, _full: bool) -> None:
    console = stack.console()
    stack.ensure_model(console)
    claims.check("devices: what a heartbeat costs", lambda: devices(stack, console))
    claims.check("browsers: lists in a second", lambda: lists(stack, console))
    claims.check("results: what following them costs", lambda: results(stack, console))


def devices(stack: Stack, console: Api) -> str:
    """Real edges, each with a key of its own, which ask every five seconds what they shall serve."""
    token = console.token("many", uses=DEVICES)
    folder = stack.folder / "many"
    folder.mkdir()
    edges = []
    try:
        for number in range(DEVICES):
            edges.append(subprocess.Popen(
                [ROOT / "dist/edge/cirame-edge-amd64", "serve", "--trainer", stack.api, "--name", f"many-{number}", "--state", folder / str(number), "--listen", "none", "--broker", "mqtt://127.0.0.1:1"],
                env={**os.environ, "CIRAME_TOKEN": token}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            ))
        deadline = time.monotonic() + 60
        while len(console.ask("GET", "/api/devices?limit=500")["items"]) < DEVICES and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(5)
        before, start = cpu_s(stack, "trainer"), time.monotonic()
        time.sleep(SECONDS)
        used, took = cpu_s(stack, "trainer") - before, time.monotonic() - start
        beats = DEVICES / 5 * took
        return f"{DEVICES} devices cost {used / took * 100:.1f} % of a processor, {used / beats * 1000:.2f} ms a heartbeat: one processor has {5 * beats / used:.0f} devices; {resident_mb(stack, 'trainer'):.0f} MB"
    finally:
        for edge in edges:
            edge.kill()
            edge.wait()
        for device in console.ask("GET", "/api/devices?limit=500")["items"]:
            if device["name"].startswith("many-"):
                console.ask("DELETE", f"/api/devices/{device['id']}")


def lists(stack: Stack, console: Api) -> str:
    """The list of runs, through the console's web server, by several readers at once."""
    counts = [0] * READERS
    deadline = time.monotonic() + SECONDS / 2

    def read(number: int) -> None:
        while time.monotonic() < deadline:
            expect(get(f"{stack.web}/api/training/runs", Cookie=console.cookie).status == 200, "a list is refused")
            counts[number] += 1

    before = cpu_s(stack, "trainer")
    threads = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = cpu_s(stack, "trainer") - before
    return f"{sum(counts) / (SECONDS / 2):.0f} a second by {READERS} readers in Python, {used / sum(counts) * 1000:.2f} ms of the trainer's processor each"


def results(stack: Stack, console: Api) -> str:
    """Results of the local device, as if it had thousands of streams."""
    device = stack.local_device(console)
    login = stack.sensor_login("many-results")
    observer = Observer(stack, device, "+")
    sender = client(login, "many-results")
    sender.connect(login["host"], login["port"])
    sender.loop_start()
    rows = 250
    before = {name: cpu_s(stack, name) for name in ("trainer", "broker", "edge")}
    start = time.monotonic()
    streams, sent = 40, 0
    while time.monotonic() - start < SECONDS:
        first = time.time_ns()
        for stream in range(streams):
            table = {"channels": ["accX", "accY", "accZ"], "t_ns": [first + i * 1_000_000 for i in range(rows)], "values": [[0.1, 0.2, 9.8]] * rows}
            sender.publish(f"cirame/samples/many-{stream}", json.dumps(table), qos=0)
            sent += 1
        time.sleep(max(0.0, 0.25 - (time.time_ns() - first) / 1e9))
    took = time.monotonic() - start
    used = {name: cpu_s(stack, name) - value for name, value in before.items()}
    count = observer.count()
    sender.loop_stop()
    observer.close()
    expect(count, "no results came")
    costs = ", ".join(f"{name} {value / count * 1000:.2f} ms" for name, value in used.items())
    return f"{count / took:.0f} results a second of {streams} streams; processor time for each: {costs}"
