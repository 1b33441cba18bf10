import { describe, expect, it } from "vitest";

import { shows, tileFor } from "./samples";

const ROWS = 10_000_000;

describe("what is asked for", () => {
  it("is the whole recording in about as many points as there are pixels", () => {
    const tile = tileFor({ from: 0, to: ROWS }, ROWS, 1000);
    expect(tile).toEqual({ from: 0, to: ROWS, step: 16384 });
    expect(ROWS / tile.step).toBeLessThanOrEqual(1000);
  });

  it("reaches half a view beyond both ends, on whole points", () => {
    const tile = tileFor({ from: 500_000, to: 600_000 }, ROWS, 1000);
    expect(tile.step).toBe(128);
    expect(tile.from % 128).toBe(0);
    expect(tile.from).toBeLessThanOrEqual(450_000);
    expect(tile.to).toBeGreaterThanOrEqual(650_000);
  });

  it("is every row where there are fewer rows than pixels, within the recording", () => {
    expect(tileFor({ from: 10, to: 60 }, 80, 1000)).toEqual({ from: 0, to: 80, step: 1 });
  });

  it("never has more points than the trainer gives", () => {
    const tile = tileFor({ from: 2_000_000, to: 8_000_000 }, ROWS, 50_000);
    expect((tile.to - tile.from) / tile.step).toBeLessThanOrEqual(20_000);
  });
});

it("asks no more while panning stays within what is there", () => {
  const there = tileFor({ from: 500_000, to: 600_000 }, ROWS, 1000);
  const near = { from: 530_000, to: 630_000 };
  const far = { from: 700_000, to: 800_000 };
  const closer = { from: 530_000, to: 550_000 };
  expect(shows(there, near, tileFor(near, ROWS, 1000))).toBe(true);
  expect(shows(there, far, tileFor(far, ROWS, 1000))).toBe(false);
  expect(shows(there, closer, tileFor(closer, ROWS, 1000))).toBe(false);
  expect(shows(undefined, near, tileFor(near, ROWS, 1000))).toBe(false);
});
