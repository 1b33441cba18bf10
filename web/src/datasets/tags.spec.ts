import { expect, it } from "vitest";

import { tagChoices, tagFault, tagsOfRows } from "./tags";

it("takes rows with a value and leaves out those without", () => {
  const rows = [
    { name: " machine ", value: " pump 7 " },
    { name: "load", value: "" },
  ];
  expect(tagFault(rows)).toBeUndefined();
  expect(tagsOfRows(rows)).toEqual({ machine: "pump 7" });
});

it("says what the trainer would refuse", () => {
  expect(tagFault([{ name: "", value: "x" }])).toMatch(/no name/);
  expect(tagFault([{ name: "a=b", value: "x" }])).toMatch(/a=b/);
  expect(
    tagFault([
      { name: "a", value: "1" },
      { name: "a ", value: "2" },
    ]),
  ).toMatch(/twice/);
});

it("offers each tag once", () => {
  const recordings = [{ tags: { load: "2", machine: "7" } }, { tags: { load: "1", machine: "7" } }];
  expect(tagChoices(recordings)).toEqual(["load=1", "load=2", "machine=7"]);
  expect(tagChoices(recordings, 1)).toEqual(["load=1"]);
});
