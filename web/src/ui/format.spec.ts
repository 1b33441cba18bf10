import { expect, it } from "vitest";

import { ago, bytes, count, duration, number, percent, quantity, short } from "./format";

it("writes numbers with four significant digits and thin spaces", () => {
  expect([0, 12, 1234567, 0.123456, 12.3456, -3.5].map((value) => number(value))).toEqual([
    "0",
    "12",
    "1\u202f234\u202f567",
    "0.1235",
    "12.35",
    "−3.5",
  ]);
  expect([1e-7, 3.21e12, null, undefined, NaN, -Infinity].map((value) => number(value))).toEqual([
    "1.000e−7",
    "3.210e+12",
    "–",
    "–",
    "–",
    "−∞",
  ]);
});

it("puts units behind numbers, none where there is none", () => {
  expect(quantity(1.5, "m/s²")).toBe("1.5\u202fm/s²");
  expect(quantity(1.5, null)).toBe("1.5");
  expect(percent(0.98765)).toBe("98.8\u202f%");
  expect([0, 999, 1000, 65_432_100].map(bytes)).toEqual(["0\u202fB", "999\u202fB", "1.0\u202fkB", "65\u202fMB"]);
});

it("writes times in the units that matter", () => {
  expect([5e-6, 0.0123, 2.5, 75, 3700, 200_000].map(duration)).toEqual([
    "5\u202fµs",
    "12.3\u202fms",
    "2.5\u202fs",
    "1\u202fmin 15\u202fs",
    "1\u202fh 1\u202fmin",
    "2\u202fd 7\u202fh",
  ]);
  expect([ago(1000, 2000), ago(0, 75_000), ago(undefined, 0)]).toEqual([
    "just now",
    "1\u202fmin 15\u202fs ago",
    "never",
  ]);
});

it("names one thing and many things", () => {
  expect([count(1, "window"), count(2000, "window"), count(2, "class", "classes")]).toEqual([
    "1 window",
    "2\u202f000 windows",
    "2 classes",
  ]);
  expect([short("abc"), short("0123456789abcdef")]).toEqual(["abc", "0123456789ab…"]);
});

it("counts rows with all their digits", () => {
  expect(number(10_000_000)).toBe("10\u202f000\u202f000");
  expect(number(2e13)).toBe("2.000e+13");
});
