import { expect, it } from "vitest";

import { decadesOf, onRamp, partsOf } from "./heat";

it("goes along the ramp, and not beyond its ends", () => {
  const ramp = [
    [0, 0, 0],
    [100, 0, 0],
    [100, 200, 0],
  ] as const;
  expect(onRamp(ramp, 0)).toEqual([0, 0, 0]);
  expect(onRamp(ramp, 0.25)).toEqual([50, 0, 0]);
  expect(onRamp(ramp, 0.75)).toEqual([100, 100, 0]);
  for (const share of [1, 2]) expect(onRamp(ramp, share)).toEqual([100, 200, 0]);
  expect(onRamp(ramp, -1)).toEqual([0, 0, 0]);
});

it("finds the decades of values, without those of nothing", () => {
  expect(decadesOf([[0, 1], [100]])).toEqual([0, 2]);
  expect(decadesOf([[1e-30, 1]])).toEqual([-6, 0]);
  expect(decadesOf([[10, 10]])).toEqual([0, 1]);
  expect(decadesOf([[0], []])).toBeUndefined();
});

it("reads the colours of the browser", () => {
  expect(partsOf("rgb(1, 20, 255)")).toEqual([1, 20, 255]);
});
