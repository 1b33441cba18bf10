import { expect, it } from "vitest";

import type { Schemas } from "../api/client";
import { classAmounts, setAmount, setFault, setOf, setsOf, spansOf } from "./sets";

const span = (from_row: number, to_row: number, name: string) => ({ from_row, to_row, class: name });
const RECORDINGS: Pick<Schemas["Entry"], "labels" | "label_sets">[] = [
  { labels: [span(0, 10, "on"), span(20, 30, "on")], label_sets: { wear: [span(0, 5, "worn")] } },
  { labels: [span(0, 4, "off")] },
  { labels: [], label_sets: { "a-2": [span(1, 2, "x")], "a-10": [span(1, 2, "x")] } },
];

it("lists the sets after the own labels, by name", () => {
  expect(setsOf(RECORDINGS)).toEqual([null, "a-2", "a-10", "wear"]);
  expect(setsOf([])).toEqual([null]);
});

it("counts recordings, spans and rows of a set and of its classes", () => {
  expect(setAmount(RECORDINGS, null)).toEqual({ recordings: 2, spans: 3, rows: 24 });
  expect(classAmounts(RECORDINGS, null)).toEqual([
    ["off", { recordings: 1, spans: 1, rows: 4 }],
    ["on", { recordings: 1, spans: 2, rows: 20 }],
  ]);
  expect(classAmounts(RECORDINGS, "wear")).toEqual([["worn", { recordings: 1, spans: 1, rows: 5 }]]);
  expect(spansOf(RECORDINGS[1]!, "wear")).toEqual([]);
});

it("takes the names that the trainer takes", () => {
  expect(setFault("wear-2")).toBeUndefined();
  for (const name of ["", "-a", "a b", "a".repeat(101)]) expect(setFault(name), name).toBeDefined();
  expect(setFault("wear", [null, "wear"])).toContain("already");
});

it("reads the set of an address", () => {
  expect(setOf({ set: "wear" })).toBe("wear");
  expect(setOf({ set: "" })).toBeNull();
  expect(setOf({})).toBeNull();
});
