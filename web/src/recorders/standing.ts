// How a recorder stands, in words and sums.
import type { Schemas } from "../api/client";

type Recorder = Schemas["Recorder"];
type Counts = Schemas["StreamCounts"];

/** The state as a badge shows it. */
export function stateOf(recorder: Recorder): { status: string; label: string } {
  if (recorder.state === "recording") {
    return recorder.connected
      ? { status: "running", label: "recording" }
      : { status: "connecting", label: "connecting" };
  }
  if (recorder.state === "keeping") return { status: "running", label: "writing recordings" };
  if (recorder.state === "failed") return { status: "failed", label: "failed" };
  return { status: "succeeded", label: "kept" };
}

const ENDED: Record<Schemas["EndedBy"], string> = {
  stop: "It was stopped.",
  duration: "It has recorded for as long as it was asked to.",
  size: "It has recorded as much as it was asked to.",
  disk: "The disk takes no more: what came before is kept.",
  restart: "The trainer ended meanwhile: what had come is kept.",
};

/** Why it has ended, in words. */
export const endedText = (by: Schemas["EndedBy"] | null | undefined) => (by ? ENDED[by] : "");

/** What was counted of all streams. */
export function totals(streams: readonly Counts[]): { messages: number; rows: number; late: number; dropped: number } {
  const sum = (of: (stream: Counts) => number) => streams.reduce((before, stream) => before + of(stream), 0);
  return {
    messages: sum((stream) => stream.messages),
    rows: sum((stream) => stream.rows),
    late: sum((stream) => stream.late),
    dropped: sum(droppedOf),
  };
}

/** Samples and values of a stream that were left out, beside the late ones. */
export const droppedOf = (stream: Counts) => Object.values(stream.dropped).reduce((before, count) => before + count, 0);

/** Counts by reason, in words. */
export function reasons(counts: Record<string, number>): string {
  const said = Object.entries(counts).map(
    ([reason, count]) => `${count.toLocaleString("en-US")} ${reason.replaceAll("_", " ")}`,
  );
  return said.join(", ");
}
