import { describe, expect, it } from "vitest";

import { classFault, merge, paint, same, spanAt, split, type Span } from "./labels";

const span = (from_row: number, to_row: number, name: string): Span => ({ from_row, to_row, class: name });
const ROWS = 100;

describe("painting", () => {
  const three = [span(0, 20, "a"), span(30, 50, "b"), span(50, 80, "c")];

  it("adds a span between others, in order", () => {
    expect(paint(three, { from: 22, to: 28 }, "d", ROWS)).toEqual([
      span(0, 20, "a"),
      span(22, 28, "d"),
      span(30, 50, "b"),
      span(50, 80, "c"),
    ]);
  });

  it("splits the span that it lies within", () => {
    expect(paint([span(0, 50, "a")], { from: 10, to: 20 }, "b", ROWS)).toEqual([
      span(0, 10, "a"),
      span(10, 20, "b"),
      span(20, 50, "a"),
    ]);
  });

  it("cuts the spans at its ends and swallows those between", () => {
    expect(paint(three, { from: 10, to: 60 }, "d", ROWS)).toEqual([
      span(0, 10, "a"),
      span(10, 60, "d"),
      span(60, 80, "c"),
    ]);
  });

  it("becomes one with neighbours of its class that touch it", () => {
    expect(paint([span(0, 20, "a"), span(30, 50, "a")], { from: 20, to: 30 }, "a", ROWS)).toEqual([span(0, 50, "a")]);
  });

  it("becomes one with spans of its class that it overlaps", () => {
    expect(paint([span(0, 20, "a"), span(30, 50, "a")], { from: 10, to: 40 }, "a", ROWS)).toEqual([span(0, 50, "a")]);
  });

  it("leaves a neighbour of its class alone that does not touch it", () => {
    const painted = paint([span(0, 20, "a")], { from: 21, to: 30 }, "a", ROWS);
    expect(painted).toEqual([span(0, 20, "a"), span(21, 30, "a")]);
  });

  it("leaves spans elsewhere that touch each other as they are", () => {
    const touching = [span(0, 10, "a"), span(10, 20, "a")];
    expect(paint(touching, { from: 40, to: 50 }, "b", ROWS)).toEqual([...touching, span(40, 50, "b")]);
  });

  it("erases with no class", () => {
    expect(paint(three, { from: 10, to: 40 }, null, ROWS)).toEqual([
      span(0, 10, "a"),
      span(40, 50, "b"),
      span(50, 80, "c"),
    ]);
    expect(paint([span(0, 50, "a")], { from: 10, to: 20 }, null, ROWS)).toEqual([span(0, 10, "a"), span(20, 50, "a")]);
    expect(paint(three, { from: 0, to: ROWS }, null, ROWS)).toEqual([]);
  });

  it("stays within the rows and takes its ends in any order", () => {
    expect(paint([], { from: 120, to: -5 }, "a", ROWS)).toEqual([span(0, 100, "a")]);
    expect(paint(three, { from: 40, to: 40 }, "d", ROWS)).toEqual(three);
    expect(paint(three, { from: 200, to: 300 }, "d", ROWS)).toEqual(three);
  });

  it("does not change what it was given", () => {
    const given = [span(0, 50, "a")];
    paint(given, { from: 10, to: 20 }, "b", ROWS);
    expect(given).toEqual([span(0, 50, "a")]);
  });

  it("keeps each row's class as painting row by row would, in any order of strokes", () => {
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
    for (let round = 0; round < 200; round += 1) {
      let spans: Span[] = [];
      const classes: (string | null)[] = Array.from({ length: ROWS }, () => null);
      for (let stroke = 0; stroke < 12; stroke += 1) {
        const [from, to] = [random(ROWS + 1), random(ROWS + 1)];
        const name = [null, "a", "b"][random(3)] ?? null;
        spans = paint(spans, { from, to }, name, ROWS);
        classes.fill(name, Math.min(from, to), Math.max(from, to));
        let end = 0;
        for (const { from_row, to_row } of spans) {
          expect(from_row).toBeGreaterThanOrEqual(end);
          expect(to_row).toBeGreaterThan(from_row);
          end = to_row;
        }
        expect(end).toBeLessThanOrEqual(ROWS);
        expect(classes.map((_, row) => spans[spanAt(spans, row)]?.class ?? null)).toEqual(classes);
      }
    }
  });
});

describe("looking", () => {
  it("finds the span of a row by its first row, not by the row after its last", () => {
    const spans = [span(5, 10, "a"), span(10, 20, "b")];
    expect([4, 5, 9, 10, 19, 20].map((row) => spanAt(spans, row))).toEqual([-1, 0, 0, 1, 1, -1]);
  });

  it("tells equal labels from others", () => {
    expect(same([span(0, 1, "a")], [span(0, 1, "a")])).toBe(true);
    expect(same([span(0, 1, "a")], [span(0, 1, "b")])).toBe(false);
    expect(same([span(0, 1, "a")], [])).toBe(false);
  });

  it("refuses names that the trainer would refuse", () => {
    expect(classFault("worn")).toBeUndefined();
    expect(classFault("  ")).toBeDefined();
    expect(classFault("ü".repeat(101))).toContain("202");
  });
});

describe("splitting and merging", () => {
  const spans = [span(0, 20, "a"), span(20, 30, "a"), span(40, 50, "a"), span(50, 60, "b")];

  it("makes two spans of one, where a row lies inside it", () => {
    expect(split([span(0, 20, "a")], 5)).toEqual([span(0, 5, "a"), span(5, 20, "a")]);
    for (const row of [0, 20, 35, 99]) expect(split(spans, row), `${row}`).toBeUndefined();
  });

  it("makes one span of those of one class that rows touch, with what lies between", () => {
    expect(merge(spans, { from: 10, to: 45 })).toEqual([span(0, 50, "a"), span(50, 60, "b")]);
    expect(merge(spans, { from: 19, to: 21 })).toEqual([span(0, 30, "a"), span(40, 50, "a"), span(50, 60, "b")]);
  });

  it("merges no two classes, and nothing where less than two spans are touched", () => {
    for (const [from, to] of [
      [45, 55],
      [0, 20],
      [30, 40],
      [60, 99],
    ] as const) {
      expect(merge(spans, { from, to }), `${from}..${to}`).toBeUndefined();
    }
    expect(merge([], { from: 0, to: 9 })).toBeUndefined();
  });
});
