// Settings as rows.
import { expect, it } from "vitest";

import { settingsTable } from "./settingsTable";

const SETTINGS = {
  estimator: "ridge",
  parameters: { alpha: 1, depth: null },
  pipeline: { window: { seconds: 0.5 }, stride: null, channels: [], without_channels: [] },
  seed: 0,
};

it("names each setting by its path and writes it for people", () => {
  const rows = settingsTable([SETTINGS]);
  expect(rows.map(({ name, values }) => [name, values[0]])).toEqual([
    ["estimator", "ridge"],
    ["parameters: alpha", "1"],
    ["parameters: depth", "none"],
    ["pipeline: window", "0.5 seconds"],
    ["pipeline: stride", "proposed"],
    ["pipeline: channels", "all"],
    ["pipeline: without channels", "none"],
    ["seed", "0"],
  ]);
});

it("marks what differs between two runs, also where one lacks it", () => {
  const other = { ...SETTINGS, parameters: { alpha: 2, depth: null, solver: "lsqr" } };
  const differing = settingsTable([SETTINGS, other]).filter(({ differs }) => differs);
  expect(differing.map(({ name, values }) => [name, values])).toEqual([
    ["parameters: alpha", ["1", "2"]],
    ["parameters: solver", ["–", "lsqr"]],
  ]);
});
