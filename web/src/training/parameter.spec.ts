// What the catalogue's words come to in a form.
import { expect, it } from "vitest";

import { formOf, formsOf, valueText } from "./parameter";

it("reads bounds, words, flags and null", () => {
  expect(formsOf("a whole number from 1 to 64, or null")).toEqual([
    { kind: "integer", min: 1, max: 64 },
    { kind: "null" },
  ]);
  expect(formsOf('"sqrt" or "log2", or a number from 0.0001 to 1')).toEqual([
    { kind: "choice", words: ["sqrt", "log2"] },
    { kind: "number", min: 0.0001, max: 1 },
  ]);
  expect(formsOf("true or false")).toEqual([{ kind: "flag" }]);
});

it("knows nothing of words that it has not met", () => {
  expect(formsOf("a whole number from 1 to 64, or a colour")).toEqual([]);
});

it("finds the form of a value", () => {
  const forms = formsOf('"sqrt" or "log2", or a number from 0.0001 to 1');
  expect(formOf(forms, "log2")?.kind).toBe("choice");
  expect(formOf(forms, 0.5)?.kind).toBe("number");
  expect(formOf(forms, null)).toBeUndefined();
});

it("writes values for people", () => {
  expect([null, true, "sqrt", 0.5].map(valueText)).toEqual(["none", "yes", "sqrt", "0.5"]);
});
