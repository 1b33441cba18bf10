import { expect, it } from "vitest";

import { replayText } from "./replay";

const REPLAYED = { recording: "a", listed: "0", made: "0", same: true, same_labels: true, restored: false };

it("says whether the samples are the same, and what else is to be known", () => {
  expect(replayText(REPLAYED)).toEqual({ status: "passed", text: "the same, byte by byte" });
  expect(replayText({ ...REPLAYED, same: false, made: "1" }).status).toBe("failed");
  expect(replayText({ ...REPLAYED, restored: true }).text).toContain("is there again");
  expect(replayText({ ...REPLAYED, same_labels: false }).text).toContain("changed since");
});
