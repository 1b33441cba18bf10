"""Each route and header of the web server, on the running container."""

import gzip
import json
import time
import urllib.request

from claims import Claims, expect, until
from stack import IMAGES, ROOT, Stack, get, run

HEADERS = {
    "x-frame-options": "SAMEORIGIN", "x-content-type-options": "nosniff", "x-xss-protection": "1; mode=block", "referrer-policy": "no-referrer-when-downgrade",
}
YEAR = "public, max-age=31536000, immutable"
MIB = 1 << 20


def asset(stack: Stack, ending: str) -> str:
    """The largest file of this kind in the image."""
    listed = run("docker", "exec", stack.container("web"), "find", "/usr/share/cirame/assets", "-name", f"*.{ending}", "-size", "+4k").split()
    return "/assets/" + sorted(listed)[0].rsplit("/", 1)[1]


def check(claims: Claims, stack: Stack, _full: bool) -> None:
    web = stack.web

    def pages() -> None:
        for path in ("/", "/index.html", "/datasets", "/training/runs/0189-0000", "/devices/"):
            answer = get(web + path)
            expect(answer.status == 200 and b'<div id="app">' in answer.body, f"{path}: {answer.status}")
            expect(answer.header("cache-control") == "no-cache", f"{path}: {answer.header('cache-control')}")
            expect(answer.header("content-type") == "text/html; charset=utf-8", f"{path}: {answer.header('content-type')}")

    claims.check("every address of a page is the console, and is asked for anew", pages)

    def security() -> None:
        for path in ("/", "/datasets", asset(stack, "js"), "/icon.svg", "/assets/none.js", "/.env"):
            answer = get(web + path)
            for name, value in HEADERS.items():
                expect(answer.header(name) == value, f"{path}: {name} is {answer.header(name)!r}")
            expect("camera=()" in (answer.header("permissions-policy") or ""), f"{path}: no Permissions-Policy")
            expect(answer.header("strict-transport-security") is None, f"{path}: HSTS without TLS")
            expect("nginx/" not in (answer.header("server") or ""), "the server tells its version")

    claims.check("the security headers stand on pages, files and refusals, once each", security)

    def policy() -> None:
        own = get(stack.api + "/").header("content-security-policy")
        expect(own and get(web + "/").header("content-security-policy") == own, f"the trainer's is {own}")

    claims.check("the policy of pages is the one that the trainer sends with its own copy", policy)

    def assets() -> str:
        for ending in ("js", "css"):
            path = asset(stack, ending)
            plain, small = get(web + path), get(web + path, Accept_Encoding="gzip")
            expect(plain.status == 200 and plain.header("cache-control") == YEAR, f"{path}: {plain.header('cache-control')}")
            expect(small.header("content-encoding") == "gzip" and gzip.decompress(small.body) == plain.body, f"{path} is not gzip of the same")
            stored = int(run("docker", "exec", stack.container("web"), "stat", "-c", "%s", f"/usr/share/cirame{path}.gz"))
            expect(len(small.body) == stored, f"{path} is compressed anew for each request")
            expect("accept-encoding" in (small.header("vary") or "").lower(), "no Vary")
        page = get(web + "/", Accept_Encoding="gzip")
        expect(page.status == 200, "the page in gzip")
        return f"{path}: {len(plain.body)} bytes, {len(small.body)} compressed"

    claims.check("files with a digest in their name last a year, and leave as they were compressed at the build", assets)

    def nothing() -> None:
        for path in ("/assets/none.js", "/none.txt", "/.env", "/.git/config", "/assets/.hidden", "/a/.b/c", "/%2e%2e/etc/passwd", "/api/none"):
            answer = get(web + path)
            expect(answer.status in (400, 404), f"{path}: {answer.status}")

    claims.check("what is not there is 404, dotfiles too", nothing)

    def proxied() -> None:
        answer = get(web + "/api/health")
        expect(answer.status == 200, f"{answer.status} {answer.body[:200]}")
        expect(answer.header("x-frame-options") == "DENY" and answer.header("x-content-type-options") == "nosniff", "the trainer's headers")
        expect(answer.header("x-xss-protection") and answer.header("permissions-policy") and answer.header("content-security-policy"), "headers of the API")
        refused = get(web + "/api/devices")
        expect(refused.status == 401 and refused.header("content-type").startswith("application/problem+json"), f"{refused.status}")
        script = get(web + "/install")
        expect(script.status == 200 and f"127.0.0.1:{stack.web_port}".encode() in script.body, f"/install: {script.status} {script.body[:300]}")
        program = get(web + "/install/cirame-edge-arm64")
        expect(program.body == (ROOT / "dist/edge/cirame-edge-arm64").read_bytes(), "/install/cirame-edge-arm64 is another file")

    claims.check("/api/ and /install are the trainer's, with its own headers, once each", proxied)

    console = stack.console()

    def compressed() -> None:
        answer = get(web + "/api/openapi.json", Accept_Encoding="gzip", Cookie=console.cookie)
        expect(answer.status == 200 and answer.header("content-encoding") == "gzip", f"{answer.status} {answer.header('content-encoding')}")
        json.loads(gzip.decompress(answer.body))

    claims.check("the API's JSON is compressed", compressed)

    def events() -> str:
        request = urllib.request.Request(web + "/api/devices/events", headers={"cookie": console.cookie, "accept-encoding": "gzip"})
        start = time.monotonic()
        with urllib.request.urlopen(request, timeout=10) as answer:
            expect(answer.headers.get("content-encoding") is None, "events are compressed, and so held back")
            first = answer.readline()
        took = time.monotonic() - start
        expect(first.startswith((b"event:", b"data:")) and took < 2, f"{first!r} after {took:.1f} s")
        return f"the first after {took * 1000:.0f} ms"

    claims.check("server-sent events leave as they come", events)

    def bodies() -> None:
        part = 32 * MIB - 1024
        upload = console.ask("POST", "/api/data/uploads", {"name": "large.csv", "size_bytes": part})
        console.ask("PATCH", f"/api/data/uploads/{upload['id']}", raw=bytes(part), content_type="application/octet-stream", upload_offset="0")
        console.ask("DELETE", f"/api/data/uploads/{upload['id']}")
        head = f"POST /api/data/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: {101 * MIB}\r\n\r\n"
        import socket
        with socket.create_connection(("127.0.0.1", stack.web_port), timeout=10) as plain:
            plain.sendall(head.encode())
            first = plain.recv(200)
        expect(b" 413 " in first, f"101 MiB: {first!r}")

    claims.check("the largest part of an upload passes, a body over 100 MB is refused", bodies)

    def timeouts() -> None:
        said = run("docker", "exec", stack.container("web"), "nginx", "-T", "-e", "/dev/stderr", "-g", "daemon off;", "-c", "/etc/cirame/http.conf", check=False)
        for line in ("proxy_read_timeout 300s", "proxy_send_timeout 300s", "send_timeout 300s", "client_body_timeout 300s", "client_max_body_size 100m"):
            expect(line in said, f"{line} is not in force")

    claims.check("timeouts are 300 s", timeouts)

    def moved() -> str:
        before = stack.address("trainer")
        run("docker", "rm", "-f", stack.container("trainer"))
        # Somebody else gets the address that the trainer had.
        run("docker", "run", "-d", "--name", f"{stack.name}-squatter", "--network", f"{stack.name}-network", "--ip", before, "--entrypoint", "nginx", f"{IMAGES}/web:latest", "-e", "/dev/stderr", "-g", "daemon off;", "-c", "/etc/cirame/http.conf")
        try:
            down = get(web + "/api/health")
            expect(down.status in (502, 503, 504, 404), f"without a trainer: {down.status}")
            stack.compose("up", "-d", "--no-deps", "trainer")
            start = time.monotonic()
            until("the API through the console", lambda: get(web + "/api/health").status == 200, 30)
            after = stack.address("trainer")
            expect(before != after, "the trainer has the same address again")
            return f"{before}, then {after}, found after {time.monotonic() - start:.1f} s"
        finally:
            run("docker", "rm", "-f", f"{stack.name}-squatter")

    claims.check("a trainer with a new address is found again without a restart of the console", moved)
    claims.check("several consoles behind a balancer: one may go", lambda: balanced(stack))


def balanced(stack: Stack) -> None:
    network = f"{stack.name}-network"
    names = [f"{stack.name}-{part}" for part in ("web-1", "web-2", "balancer")]
    hardened = ["--read-only", "--tmpfs", "/tmp:mode=1777", "--cap-drop", "ALL"]
    try:
        for name, alias in zip(names, ("web-1", "web-2"), strict=False):
            run("docker", "run", "-d", "--name", name, "--network", network, "--network-alias", alias, *hardened, f"{IMAGES}/web:latest")
        run(
            "docker", "run", "-d", "--name", names[2], "--network", network, *hardened, "-v", f"{stack.folder}/docker/web/balancer.conf:/etc/cirame/balancer.conf:ro",
            f"{IMAGES}/web:latest", "/etc/cirame/balancer.conf",
        )
        address = run("docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", names[2]).strip()
        until("the balancer", lambda: answers(f"http://{address}:8080/api/health"), 15)
        run("docker", "kill", names[0])
        for _ in range(20):
            expect(get(f"http://{address}:8080/datasets").status == 200, "a page is lost with one console gone")
    finally:
        for name in names:
            run("docker", "rm", "-f", name, check=False)


def answers(url: str) -> bool:
    try:
        return get(url).status == 200
    except OSError:
        return False
