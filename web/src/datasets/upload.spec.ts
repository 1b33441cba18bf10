import { describe, expect, it } from "vitest";

import type { Schemas } from "../api/client";
import { ApiProblem } from "../api/problem";
import { PART_BYTES, send, type Trainer } from "./upload";

const SIZE = 2 * PART_BYTES + 100;
const file = new Blob([new Uint8Array(SIZE)]);
const unreachable = new ApiProblem("unreachable", "", "");

/** A trainer that keeps what it gets; `fails` may break the transfer of a part, before or after it is kept. */
function fake(fails: (attempt: number) => "before" | "after" | ApiProblem | undefined = () => undefined) {
  let attempt = 0;
  let received = 0;
  const offsets: number[] = [];
  const upload = (): Schemas["Upload"] => ({
    id: "u",
    name: "a.csv",
    size_bytes: SIZE,
    created_ms: 0,
    received_bytes: received,
    complete: received === SIZE,
  });
  const trainer: Trainer = {
    begin: async () => upload(),
    look: async () => upload(),
    append: async (_, offset, part) => {
      offsets.push(offset);
      const failure = fails(attempt++);
      if (failure instanceof ApiProblem) throw failure;
      if (failure === "before") throw unreachable;
      if (offset !== received) throw new ApiProblem("offset", "", "", 409);
      received += part.size;
      if (failure === "after") throw unreachable;
      return upload();
    },
    pause: async () => {},
  };
  return { trainer, offsets, received: () => received };
}

const go = (trainer: Trainer, upload?: Schemas["Upload"], signal = new AbortController().signal) =>
  send("a.csv", file, upload, () => {}, signal, trainer);

describe("an upload", () => {
  it("goes in parts, each from where the one before ended", async () => {
    const { trainer, offsets } = fake();
    expect((await go(trainer)).complete).toBe(true);
    expect(offsets).toEqual([0, PART_BYTES, 2 * PART_BYTES]);
  });

  it("sends a part again that did not arrive", async () => {
    const { trainer, offsets } = fake((attempt) => (attempt === 1 ? "before" : undefined));
    await go(trainer);
    expect(offsets).toEqual([0, PART_BYTES, PART_BYTES, 2 * PART_BYTES]);
  });

  it("goes on behind a part that arrived although its answer did not", async () => {
    const { trainer, offsets, received } = fake((attempt) => (attempt === 0 ? "after" : undefined));
    await go(trainer);
    expect(offsets).toEqual([0, PART_BYTES, 2 * PART_BYTES]);
    expect(received()).toBe(SIZE);
  });

  it("ends with the reason where parts keep failing, and goes on from there later", async () => {
    let broken = true;
    const { trainer, offsets } = fake((attempt) => (attempt > 0 && broken ? "before" : undefined));
    await expect(go(trainer)).rejects.toMatchObject({ code: "unreachable" });
    broken = false;
    const before = offsets.length;
    await go(trainer, { id: "u" } as Schemas["Upload"]);
    expect(offsets[before]).toBe(PART_BYTES);
  });

  it("does not repeat what is refused for good", async () => {
    const { trainer, offsets } = fake(() => new ApiProblem("invalid", "", "", 422));
    await expect(go(trainer)).rejects.toMatchObject({ code: "invalid" });
    expect(offsets).toHaveLength(1);
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    const { trainer, offsets } = fake(() => {
      stop.abort();
      return "before";
    });
    await expect(go(trainer, undefined, stop.signal)).rejects.toMatchObject({ name: "AbortError" });
    expect(offsets).toHaveLength(1);
  });
});
