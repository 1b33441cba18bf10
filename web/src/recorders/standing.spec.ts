import { expect, it } from "vitest";

import type { Schemas } from "../api/client";
import { endedText, reasons, stateOf, totals } from "./standing";

const RECORDER: Schemas["Recorder"] = {
  id: "0",
  dataset: "pump",
  state: "recording",
  began_ms: 0,
  connected: true,
  bytes: 0,
  streams: [],
  refused: {},
};

it("tells the state in words", () => {
  expect(stateOf(RECORDER).label).toBe("recording");
  expect(stateOf({ ...RECORDER, connected: false }).status).toBe("connecting");
  expect(stateOf({ ...RECORDER, state: "failed" }).status).toBe("failed");
  expect(stateOf({ ...RECORDER, state: "kept" }).status).toBe("succeeded");
});

it("adds up what was counted of the streams", () => {
  const stream = { messages: 3, samples: 5, rows: 4, late: 1, dropped: { duplicate: 2, bad_time: 1 } };
  expect(totals([stream, { ...stream, dropped: {} }])).toEqual({ messages: 6, rows: 8, late: 2, dropped: 3 });
  expect(reasons(stream.dropped)).toBe("2 duplicate, 1 bad time");
});

it("says why it has ended", () => {
  expect(endedText("restart")).toContain("is kept");
  expect(endedText(null)).toBe("");
});
