// Parts of a split as bands.
import { expect, it } from "vitest";

import { partBands } from "./parts";

it("joins windows of one part that overlap", () => {
  const bands = partBands([
    { part: "train", from: 0, to: 10 },
    { part: "train", from: 5, to: 15 },
    { part: "test", from: 20, to: 30 },
  ]);
  expect(bands.map((band) => [band.label, band.from, band.to])).toEqual([
    ["train", 0, 15],
    ["test", 20, 30],
  ]);
});

it("ends a part where the next begins, and keeps gaps open", () => {
  const bands = partBands([
    { part: "train", from: 0, to: 10 },
    { part: "unused", from: 5, to: 15 },
    { part: "unused", from: 40, to: 50 },
  ]);
  expect(bands.map((band) => [band.from, band.to])).toEqual([
    [0, 5],
    [5, 15],
    [40, 50],
  ]);
});

it("shows the parts that are asked for", () => {
  const placed = [
    { part: "train" as const, from: 0, to: 10 },
    { part: "test" as const, from: 10, to: 20 },
  ];
  expect(partBands(placed, ["test"])).toHaveLength(1);
});
