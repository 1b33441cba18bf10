"""The console's journey, in a real browser, through the web container: from a folder of files to a live result and back."""

import os
import tempfile
from pathlib import Path

from claims import Claims, expect
from machine import Machine
from stack import ROOT, Stack, run


def check(claims: Claims, stack: Stack, _full: bool) -> None:
    stack.console()  # reads the first password, which goes with the first sign-in
    recordings = stack.simulate(stack.folder / "live", "vibration", "--seconds", "20", "--per-class", "1")
    with Machine(stack.sensor_login("pump-1"), recordings, "pump-1"), tempfile.TemporaryDirectory() as programs:
        # The journey makes its files with the trainer's own program.
        (Path(programs) / "cirame-trainer").symlink_to(ROOT / "dist/trainer/cirame-trainer-amd64")

        def passes() -> None:
            environment = {**os.environ, "CONSOLE": stack.web, "PASSWORD": stack.password, "PROGRAMS": programs}
            said = run("npx", "vitest", "run", "--config", "vitest.e2e.config.ts", "e2e/journey.spec.ts", cwd=ROOT / "web", env=environment, seconds=300)
            expect("1 passed" in said, said[-1500:])

        claims.check("import, label, train, deploy and live results work in a browser, with the policy in force", passes)
