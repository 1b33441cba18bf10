import { describe, expect, it } from "vitest";

import { clockOf, stepOf, timeTicks } from "./clock";

const times = (time_ns: string[], rows_per_point = 1, absolute_time = false) => ({
  from_row: 0,
  to_row: time_ns.length * rows_per_point,
  rows_per_point,
  absolute_time,
  time_ns,
});

describe("a clock", () => {
  it("is exact with a rate", () => {
    const clock = clockOf(times(["0", "64000000"], 64), 1000);
    expect(clock.seconds(100)).toBe(0.1);
    expect(clock.row(0.1)).toBeCloseTo(100);
    expect(clock.text(1500, 0.01)).toBe("1.50\u202fs");
  });

  it("lies straight between two points without a rate, and back", () => {
    const clock = clockOf(times(["1000000000", "2000000000", "5000000000"], 10), null);
    expect(clock.timed).toBe(true);
    expect(clock.seconds(5)).toBeCloseTo(0.5);
    expect(clock.seconds(15)).toBeCloseTo(2.5);
    expect(clock.seconds(25)).toBeCloseTo(5.5);
    expect(clock.row(2.5)).toBeCloseTo(15);
  });

  it("has no times where each row is one second and there is no rate", () => {
    const clock = clockOf(times(["0", "4000000000", "8000000000"], 4), null);
    expect(clock.timed).toBe(false);
    expect(clock.text(7)).toBe("7");
    expect(timeTicks(clock, 0, 100, 5)).toEqual([0, 20, 40, 60, 80, 100]);
  });

  it("keeps nanoseconds of today's times", () => {
    const clock = clockOf(times(["1795867878117000000", "1795867878117000100"], 1, true), null);
    expect(clock.seconds(1)).toBeCloseTo(1e-7, 12);
    expect(clock.text(0, 0.01)).toBe("12:11:18.11");
  });

  it("says minutes and hours where there are some", () => {
    const clock = clockOf(times(["0"]), 1);
    expect(clock.text(125, 1)).toBe("2:05");
    expect(clock.text(3725, 60)).toBe("1:02:05");
    expect(clock.text(125, 0.5)).toBe("2:05.0");
  });
});

describe("ticks", () => {
  it("stand at round times, whatever the rate", () => {
    const clock = clockOf(times(["0"]), 12_800);
    const ticks = timeTicks(clock, 0, 128_000, 10).map((row) => clock.seconds(row));
    ticks.forEach((tick, at) => expect(tick).toBeCloseTo(at));
    expect(ticks).toHaveLength(11);
  });

  it("stand at round times of day", () => {
    const start = BigInt(Date.UTC(2026, 0, 1, 10, 0, 7)) * 1_000_000n;
    const clock = clockOf(times([`${start}`], 1, true), 1);
    expect(timeTicks(clock, 0, 60, 6).map((row) => clock.text(row, 10))[0]).toBe("10:00:10");
  });

  it("are steps of 1, 2, 5 or those of a clock", () => {
    expect([0.003, 0.3, 3, 40, 5000, 50_000, 200_000].map(stepOf)).toEqual([0.005, 0.5, 5, 60, 7200, 86400, 259_200]);
  });
});
