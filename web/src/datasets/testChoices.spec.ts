import { expect, it } from "vitest";

import { testChoices } from "./testChoices";

it("offers tags that part the recordings, then the recordings", () => {
  const recordings = [
    { name: "a", tags: { load: "40", plant: "1" } },
    { name: "b", tags: { load: "60", plant: "1" } },
  ];
  expect(testChoices(recordings)).toEqual(["tag:load=40", "tag:load=60", "recording:a", "recording:b"]);
  expect(testChoices(recordings, 1)).toHaveLength(1);
});
