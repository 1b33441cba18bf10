// How results are read and written.
import { expect, it } from "vitest";

import { answerText, classesOf, endText, tally, taskOf, wordOf, type EdgeResult } from "./results";

const of = (more: Partial<EdgeResult>): EdgeResult => ({
  id: "1",
  index: 0,
  sequence: 0,
  artifact_sha256: "0",
  ...more,
});

it("tells the task by what a result holds", () => {
  expect(taskOf(of({ class: "off" }))).toBe("classification");
  expect(taskOf(of({ score: 0.2, anomaly: false }))).toBe("anomaly");
  expect(taskOf(of({ value: 0 }))).toBe("regression");
  expect(taskOf(undefined)).toBeUndefined();
});

it("keeps the model's order of classes, and those of a model before it", () => {
  const results = [of({ class: "worn" }), of({ class: "b", probabilities: { a: 0.2, b: 0.8 } })];
  expect(classesOf(results)).toEqual(["a", "b", "worn"]);
});

it("writes the answer with its probability, unit or alarm", () => {
  expect(answerText(of({ class: "b", probabilities: { a: 0.2, b: 0.8 } }))).toBe("b 80.0\u202f%");
  expect(answerText(of({ value: 1.5 }), "kW")).toBe("1.5\u202fkW");
  expect(answerText(of({ score: 1.25, anomaly: true }))).toBe("1.25 (alarm)");
  expect(answerText(of({ score: 0.25, anomaly: false }))).toBe("0.25");
});

it("writes seconds where the times do not count from 1970", () => {
  expect(endText(of({ end_s: 12.5 }))).toBe("12.5\u202fs");
  expect(endText(of({ end: "2026-11-28T09:30:00.511Z" }))).toMatch(/^\d\d:30:00\.511$/);
  expect(endText(of({}))).toBe("–");
});

it("counts words in the order of the legend, without those that do not occur", () => {
  expect(tally(["b", "a", "b"], ["a", "b", "c"])).toEqual([
    { word: "a", count: 1 },
    { word: "b", count: 2 },
  ]);
  expect(wordOf(of({ score: 2, anomaly: true }))).toBe("alarm");
});
