import { expect, it } from "vitest";

import { chosenRecordings } from "./chosen";

const RECORDINGS = [
  { name: "a_1", tags: { load: "40" } },
  { name: "a_2", tags: { load: "60" } },
  { name: "b(1)", tags: {} as Record<string, string> },
];
const names = (...selectors: string[]) => chosenRecordings(RECORDINGS, selectors).map(({ name }) => name);

it("names recordings in the order of the selectors, each once", () => {
  expect(names()).toEqual(["a_1", "a_2", "b(1)"]);
  expect(names("recording:a_2", "recording:a_*")).toEqual(["a_2", "a_1"]);
  expect(names("tag:load=40")).toEqual(["a_1"]);
  expect(names("tag:load=*")).toEqual(["a_1", "a_2"]);
  expect(names("recording:b(1)")).toEqual(["b(1)"]);
  expect(names("recording:b.1.")).toEqual([]);
});
