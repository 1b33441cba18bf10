// What the form begins with.
import { expect, it } from "vitest";

import type { Schemas } from "../api/client";
import { targetOf, taskOf } from "./proposal";

function entry(classes: string[], targets: string[]): Schemas["Entry"] {
  const labels = classes.map((name, row) => ({ class: name, from_row: row, to_row: row + 1 }));
  const channels = targets.map((name) => ({ name, role: "target" as const }));
  return { labels, channels } as unknown as Schemas["Entry"];
}

it("predicts a target where there is one", () => {
  expect(taskOf([entry(["a", "b"], ["power"])])).toBe("regression");
  expect(targetOf([entry([], ["power"]), entry([], ["power"])])).toBe("power");
  expect(targetOf([entry([], ["power", "flow"])])).toBeNull();
});

it("tells classes apart where there are two, and proposes nothing otherwise", () => {
  expect(taskOf([entry(["a"], []), entry(["b"], [])])).toBe("classification");
  expect(taskOf([entry(["a"], []), entry(["a"], [])])).toBeUndefined();
});
