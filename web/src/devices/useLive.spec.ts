// How results are kept.
import { expect, it } from "vitest";

import { take, type LiveStream } from "./useLive";

const event = (stream: string, id: string) => ({ device_id: "d", stream, received_ms: 1, result: { id } });

it("keeps each result once and the newest ones only", () => {
  const streams = new Map<string, LiveStream>();
  take(streams, [event("a", "1"), event("a", "2"), event("b", "1")], 2);
  const before = streams.get("d/a");
  take(streams, [event("a", "2"), event("a", "3")], 2);
  expect(streams.get("d/a")?.results.map(({ id }) => id)).toEqual(["2", "3"]);
  expect(streams.get("d/b")?.results.map(({ id }) => id)).toEqual(["1"]);
  // Pages compare by identity: a changed stream is another object, and the one before stays as it was.
  expect(streams.get("d/a")).not.toBe(before);
  expect(before?.results.map(({ id }) => id)).toEqual(["1", "2"]);
});
