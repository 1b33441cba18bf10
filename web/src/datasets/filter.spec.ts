import { expect, it } from "vitest";

import { filterOf, matches, UNLABELLED } from "./filter";

const recording = {
  name: "worn/Pump3.csv",
  labels: [{ from_row: 0, to_row: 9, class: "worn" }],
  tags: { machine: "north" },
};
const plain = { name: "new.csv", labels: [], tags: {} };

it("finds recordings by a part of their name or of a tag, in any case", () => {
  expect(matches(recording, { text: " pump3", class: undefined, tag: undefined })).toBe(true);
  expect(matches(recording, { text: "machine=NOR", class: undefined, tag: undefined })).toBe(true);
  expect(matches(recording, { text: "south", class: undefined, tag: undefined })).toBe(false);
});

it("finds recordings by class, and those without labels", () => {
  expect(matches(recording, { text: "", class: "worn", tag: undefined })).toBe(true);
  expect(matches(plain, { text: "", class: "worn", tag: undefined })).toBe(false);
  expect(matches(plain, { text: "", class: UNLABELLED, tag: undefined })).toBe(true);
  expect(matches(recording, { text: "", class: UNLABELLED, tag: undefined })).toBe(false);
});

it("finds recordings by one tag, whole", () => {
  expect(matches(recording, { text: "", class: undefined, tag: "machine=north" })).toBe(true);
  expect(matches(recording, { text: "", class: undefined, tag: "machine=nor" })).toBe(false);
  expect(matches({ ...plain, name: "machine=north" }, { text: "", class: undefined, tag: "machine=north" })).toBe(
    false,
  );
});

it("takes the filter from the address", () => {
  expect(filterOf({ q: "a", class: "", tag: "a=b" })).toEqual({ text: "a", class: UNLABELLED, tag: "a=b" });
  expect(filterOf({})).toEqual({ text: "", class: undefined, tag: undefined });
});
