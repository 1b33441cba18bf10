"""All checks, or those that are named: see docker/test.sh."""

import importlib
import subprocess
import sys
import time

from claims import Broken, Claims, expect
from stack import Stack

# In this order: what comes first is what the later ones stand on.
PARTS = ("files", "images", "containers", "web", "journey", "health", "kills", "arm64", "demonstration", "backup", "folders", "deploy", "pulled", "tls", "capacity", "sources")
# Those that start no containers, or their own.
ALONE = ("files", "images", "deploy", "pulled", "tls", "sources")
# Those that take long, or give figures only: with --full, or when they are named.
LONG = ("capacity", "sources")
# Those with containers of their own run beside the others where everything is checked.
ASIDE = ("files", "deploy", "pulled", "tls")


def main() -> int:
    arguments = sys.argv[1:]
    full = "--full" in arguments
    chosen = [part for part in arguments if part != "--full"]
    if unknown := set(chosen) - set(PARTS):
        print(f"docker/test.sh: {', '.join(sorted(unknown))} is unknown; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    parts = [part for part in PARTS if (part in chosen or not chosen) and (part not in LONG or full or chosen)]
    if not chosen:
        parts = [part for part in parts if part not in ASIDE]
    claims, start, aside = Claims(), time.monotonic(), None
    stack = Stack() if any(part not in ALONE for part in parts) else None
    try:
        if stack and "containers" not in parts:
            stack.settings["CIRAME_HEALTH_INTERVAL"] = "2s"
            stack.write_settings()
            stack.up(120)
        for part in parts:
            module = importlib.import_module(part)
            print(f"{part}: {module.__doc__.splitlines()[0]}", flush=True)
            try:
                module.check(claims, stack, full)
            except Broken as broken:
                claims.check(f"{part} goes to its end", lambda broken=broken: expect(False, str(broken)))
            if stack and part == "containers":
                # The documented pace has been seen; from here on nobody waits for it.
                stack.settings["CIRAME_HEALTH_INTERVAL"] = "2s"
                stack.write_settings()
                if not chosen:
                    aside = subprocess.Popen([sys.executable, sys.argv[0], *ASIDE], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if aside:
            said, _ = aside.communicate(timeout=600)
            print(said, end="", flush=True)
            if aside.returncode:
                claims.broken.append(f"what {', '.join(ASIDE)} say above")
    finally:
        if aside and aside.poll() is None:
            aside.terminate()
        if stack:
            stack.remove()
    print(f"{', '.join(parts)}: {(time.monotonic() - start) / 60:.1f} min\n{claims.held} passed, {len(claims.broken)} failed")
    for claim in claims.broken:
        print(f"  BROKEN {claim}")
    return 1 if claims.broken else 0


sys.exit(main())
