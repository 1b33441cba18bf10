// Classes of a dataset and the colours that they have on its pages.
import type { Schemas } from "../api/client";
import { spansOf, type LabelSet } from "../labels/sets";

/** The classes of a version in the order of their colours: by name, so that it lasts from page to page. */
export function classesOf(version: Pick<Schemas["DatasetVersion"], "recordings">, set: LabelSet = null): string[] {
  const names = new Set<string>();
  for (const recording of version.recordings) for (const label of spansOf(recording, set)) names.add(label.class);
  return [...names].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

/** The classes of one recording, in the same order. */
export function classesOfRecording(recording: Pick<Schemas["Entry"], "labels">, classes: readonly string[]): string[] {
  const names = new Set(recording.labels.map((label) => label.class));
  return classes.filter((name) => names.has(name));
}

/** How long a recording is, where it has a rate. */
export function secondsOf(recording: Pick<Schemas["Entry"], "rows" | "rate_hz">): number | null {
  return recording.rate_hz ? recording.rows / recording.rate_hz : null;
}
