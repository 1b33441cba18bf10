"""Multi-stage builds from the sources, for both architectures; an hour or more where nothing is cached."""

import time

from claims import Claims
from stack import ROOT, Stack, run

TAG = "cirame-test-sources"


def check(claims: Claims, _stack: Stack | None, _full: bool) -> None:
    for processor in ("amd64", "arm64"):
        for name in ("edge", "web", "trainer"):
            claims.check(f"{name} builds from its sources for {processor}", lambda name=name, processor=processor: built(name, processor))


def built(name: str, processor: str) -> str:
    start = time.monotonic()
    tag = f"{TAG}/{name}:{processor}"
    # The program is of that platform; what is under it may not be to be had for it where base images are local.
    run("docker", "build", "-f", f"docker/{name}.Dockerfile", "--platform", f"linux/{processor}", "-t", tag, ".", cwd=ROOT, seconds=3 * 3600)
    size = int(run("docker", "image", "inspect", "-f", "{{.Size}}", tag))
    return f"{size / 1e6:.1f} MB in {(time.monotonic() - start) / 60:.1f} min"
