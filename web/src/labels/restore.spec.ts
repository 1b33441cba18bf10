import { expect, it } from "vitest";

import { restoreEdits } from "./restore";

it("restores the recordings that are named, or all in one edit", () => {
  expect(restoreEdits(3, ["a", "b"])).toEqual([
    { edit: "restore", version: 3, recording: "a" },
    { edit: "restore", version: 3, recording: "b" },
  ]);
  expect(restoreEdits(3, undefined)).toEqual([{ edit: "restore", version: 3 }]);
});
