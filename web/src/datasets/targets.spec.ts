import { expect, it } from "vitest";

import { targetsOf, targetText } from "./targets";

it("offers channels that are targets first, then inputs, then tags with numbers", () => {
  const channels = [
    { name: "rpm", role: "input" as const },
    { name: "TEY", role: "target" as const },
  ];
  const recordings: { channels: typeof channels; tags: Record<string, string> }[] = [
    { channels, tags: { wear: "0.2", machine: "seven" } },
    { channels, tags: { wear: "0.7", load: "40", note: "" } },
  ];
  expect(targetsOf(recordings)).toEqual(["TEY", "rpm", "tag:load", "tag:wear"]);
  expect(targetText("tag:wear")).toBe("wear (tag)");
  expect(targetText("TEY")).toBe("TEY");
});
