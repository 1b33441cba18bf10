// What is typed about a machine, and what the trainer gets of it.
import { expect, it } from "vitest";

import { bandsOf, bandsText, numbersOf, oneBandOf, readOf, speedFrom, speedOf } from "./machine";

it("reads bands as it writes them", () => {
  const bands = [
    { low_hz: 0, high_hz: 50 },
    { low_hz: 62.5, high_hz: 200 },
  ];
  expect(bandsText(bands)).toBe("0..50, 62.5..200");
  expect(bandsOf("0..50, 62.5..200")).toEqual({ value: bands });
  expect(bandsOf(" ")).toEqual({ value: undefined });
  expect(oneBandOf("10..1000")).toEqual({ value: { low_hz: 10, high_hz: 1000 } });
});

it("says how to write what it does not understand", () => {
  for (const text of ["10-50", "10..", "..5", "1..2..3", "a..b"]) expect(bandsOf(text)).toHaveProperty("error");
  expect(oneBandOf("1..2, 3..4")).toHaveProperty("error");
  expect(numbersOf("1, two")).toHaveProperty("error");
  expect(numbersOf("0.5, 1")).toEqual({ value: [0.5, 1] });
});

it("knows a speed by its unit or by its channel", () => {
  expect(speedFrom("rpm", "1797")).toEqual({ rpm: 1797 });
  expect(speedFrom("channel_hz", "speed")).toEqual({ channel_hz: "speed" });
  expect(speedFrom("hz", "")).toBeUndefined();
  expect(speedOf({ channel_rpm: "speed" })).toEqual(["channel_rpm", "speed"]);
  expect(speedOf(undefined)).toBeUndefined();
});

it("keeps what a chosen feature reads", () => {
  const machine = { orders: [1], velocity_band: { low_hz: 10, high_hz: 1000 } };
  expect(readOf(machine, new Set(["orders"]))).toEqual({ orders: [1] });
});
