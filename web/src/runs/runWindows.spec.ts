// Windows of a run: times and answers.
import { expect, it } from "vitest";

import { answerOf, isDated, secondsOf, type RunWindow } from "./runWindows";

const WINDOW = { start: "12.5", end: "13.5" } as RunWindow;

it("reads times of day and times from the start", () => {
  expect(secondsOf("12.5")).toBe(12.5);
  expect(secondsOf("1970-01-01T00:00:02.500000000Z")).toBe(2.5);
  expect(isDated(WINDOW)).toBe(false);
  expect(isDated({ ...WINDOW, start: "2026-01-01T00:00:00Z" })).toBe(true);
});

it("names the answer of a classifier and of a detector", () => {
  expect(answerOf({ ...WINDOW, class: "worn" })).toBe("worn");
  expect(answerOf({ ...WINDOW, alarm: true })).toBe("anomaly");
  expect(answerOf({ ...WINDOW, alarm: false })).toBe("normal");
});
