// The estimator that the form begins with: the catalogue's first of a task that the dataset has answers for.
import type { Schemas } from "../api/client";

/** What a dataset's labels and targets suffice for. */
export function taskOf(recordings: readonly Schemas["Entry"][]): "classification" | "regression" | undefined {
  if (recordings.some(({ channels }) => channels.some(({ role }) => role === "target"))) return "regression";
  const classes = new Set(recordings.flatMap(({ labels }) => labels.map((span) => span.class)));
  return classes.size > 1 ? "classification" : undefined;
}

/** The dataset's only target channel, if it has one and no more. */
export function targetOf(recordings: readonly Schemas["Entry"][]): string | null {
  const names = recordings.flatMap(({ channels }) =>
    channels.filter(({ role }) => role === "target").map(({ name }) => name),
  );
  const targets = new Set(names);
  return targets.size === 1 ? ([...targets][0] ?? null) : null;
}
