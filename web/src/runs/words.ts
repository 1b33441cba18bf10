// Sentences about runs that several pages say.
import type { Schemas } from "../api/client";
import { duration } from "../ui/format";

/** What the naive answer of a task is. */
export const NAIVE: Record<Schemas["Task"], string> = {
  classification:
    "The naive answer names the class that most training windows have, with their shares as probabilities: a model must be better to be of use.",
  regression: "The naive answer is always the mean of the training windows: a model must be better to be of use.",
  anomaly: "The naive answer never raises an alarm: a model must be better to be of use.",
};

/** How long a run took. */
export function took(run: { created_ms: number; finished_ms?: number | null }): string {
  return run.finished_ms == null ? "–" : duration((run.finished_ms - run.created_ms) / 1000);
}

/** Whether a run is still on its way. */
export function inWork(status: Schemas["RunStatus"]): boolean {
  return status === "queued" || status === "running";
}

/** A sentence from a text that may lack its end. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
