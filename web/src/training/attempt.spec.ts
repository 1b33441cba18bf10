// When a request is the same attempt.
import { expect, it } from "vitest";

import { attemptKey } from "./attempt";

it("keeps the key of the same request for a minute", () => {
  const first = attemptKey({ dataset: "pump" }, 0);
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  expect(attemptKey({ dataset: "pump" }, 59_000)).toBe(first);
  expect(attemptKey({ dataset: "pump" }, 61_000)).not.toBe(first);
});

it("makes a new key for another request", () => {
  const first = attemptKey({ dataset: "pump" }, 100_000);
  expect(attemptKey({ dataset: "process" }, 100_001)).not.toBe(first);
});
