import { expect, it } from "vitest";

import { densityUnit, lengthsFor, spectrumLines } from "./spectrum";

it("offers segments that fit into the span", () => {
  expect(lengthsFor(100)).toEqual([16, 32, 64]);
  expect(lengthsFor(10)).toEqual([]);
  expect(lengthsFor(1e7).at(-1)).toBe(65_536);
});

it("names the unit of a density", () => {
  expect(densityUnit("m/s²")).toBe("(m/s²)²/Hz");
  expect(densityUnit(null)).toBe("1/Hz");
});

it("draws each channel in its own colour", () => {
  const spectrum = {
    from_row: 0,
    to_row: 8,
    rate_hz: 8,
    segment_rows: 8,
    hop_rows: 4,
    segments: 1,
    frequencies_hz: [0, 1],
    channels: [{ name: "b", unit: "g", density: [1, 2] }],
  };
  const lines = spectrumLines(spectrum, new Map([["b", 3]]));
  expect(lines).toEqual([{ label: "b [(g)²/Hz]", values: [1, 2], position: 3 }]);
  expect(spectrumLines(undefined, new Map())).toEqual([]);
});
