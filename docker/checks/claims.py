"""Named claims: each is one function, run in the order in which it was written; a failure does not end the others."""

import time
import traceback
from collections.abc import Callable


class Broken(Exception):
    """A claim does not hold, and why."""


class Claims:
    """What was found."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.held = 0
        self.figures: list[str] = []

    def check(self, claim: str, holds: Callable[[], object]) -> bool:
        """Runs one check; it fails by raising."""
        start = time.monotonic()
        try:
            said = holds()
        except Exception as error:
            self.broken.append(claim)
            print(f"  BROKEN {claim}: {error}", flush=True)
            if not isinstance(error, Broken):
                traceback.print_exc()
            return False
        self.held += 1
        print(f"  holds  {claim}{f': {said}' if said else ''} ({time.monotonic() - start:.1f} s)", flush=True)
        return True


def expect(true: object, why: str) -> None:
    """Breaks the claim unless this is true."""
    if not true:
        raise Broken(why)


def until(what: str, ask: Callable[[], object], seconds: float = 30):
    """Asks again until there is an answer that counts."""
    deadline = time.monotonic() + seconds
    while True:
        if found := ask():
            return found
        if time.monotonic() > deadline:
            raise Broken(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.1)
