// When two runs stand against each other.
import { expect, it } from "vitest";

import type { Schemas } from "../api/client";
import { figurePairs, incomparable } from "./comparison";

type Run = Schemas["Run"];

function run(more: { version?: string; testedTo?: number; figures?: Partial<Schemas["Figure"]>[] } = {}): Run {
  const parts = [
    { part: "train", from_row: 0, to_row: 100, windows: 10 },
    { part: "test", from_row: 100, to_row: more.testedTo ?? 200, windows: 10 },
  ];
  const report = {
    task: "classification",
    dataset_version: more.version ?? "digest",
    split: [{ recording: "a", recording_id: "1", rows: 200, windows: 20, parts }],
  };
  return { dataset: "pump", dataset_version: 1, report, figures: more.figures ?? [] } as unknown as Run;
}

it("compares runs of the same data and the same test windows alone", () => {
  expect(incomparable(run(), run())).toBeUndefined();
  expect(incomparable(run(), run({ version: "other" }))).toContain("different data");
  expect(incomparable(run(), run({ testedTo: 150 }))).toContain("different windows");
  expect(incomparable(run(), { ...run(), report: null })).toContain("succeeded");
});

it("finds the better one, whichever way a figure goes", () => {
  const figures = (f1: number, loss: number) => [
    { name: "F1", value: f1, better: "higher" as const },
    { name: "Log loss", value: loss, better: "lower" as const },
  ];
  const pairs = figurePairs(run({ figures: figures(0.9, 0.2) }), run({ figures: figures(0.8, 0.1) }));
  expect(pairs.map(({ name, winner }) => [name, winner])).toEqual([
    ["F1", "a"],
    ["Log loss", "b"],
  ]);
});

it("names no winner where one lacks the figure or both are equal", () => {
  const f1 = [{ name: "F1", value: 0.9, better: "higher" as const }];
  expect(figurePairs(run({ figures: f1 }), run())[0]?.winner).toBeUndefined();
  expect(figurePairs(run({ figures: f1 }), run({ figures: f1 }))[0]?.winner).toBe("equal");
});
