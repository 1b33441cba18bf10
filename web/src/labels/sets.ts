// Label sets of a dataset version: the recordings' own labels, and sets that ask another question of the
// same rows.
import type { Schemas } from "../api/client";

/** The name of a set; none for the recordings' own labels. */
export type LabelSet = string | null;

type Labelled = Pick<Schemas["Entry"], "labels" | "label_sets">;

/** How a set is called on pages. */
export const setName = (set: LabelSet) => set ?? "own labels";

/** The spans of a recording in a set. */
export function spansOf(recording: Labelled, set: LabelSet): Schemas["LabelSpan"][] {
  return set === null ? recording.labels : (recording.label_sets?.[set] ?? []);
}

/** The sets that a version has, by name, after the own labels. */
export function setsOf(recordings: readonly Labelled[]): LabelSet[] {
  const names = new Set<string>();
  for (const { label_sets } of recordings) for (const name of Object.keys(label_sets ?? {})) names.add(name);
  return [null, ...[...names].sort((a, b) => a.localeCompare(b, "en", { numeric: true }))];
}

/** The set that an address names. */
export function setOf(query: { set?: unknown }): LabelSet {
  return typeof query.set === "string" && query.set !== "" ? query.set : null;
}

/** What is listed of a class, or of a whole set. */
export interface Amount {
  recordings: number;
  spans: number;
  rows: number;
}

/** What there is of each class of a set, by name. */
export function classAmounts(recordings: readonly Labelled[], set: LabelSet): [string, Amount][] {
  const amounts = new Map<string, Amount>();
  for (const recording of recordings) {
    const met = new Set<string>();
    for (const span of spansOf(recording, set)) {
      const amount = amounts.get(span.class) ?? { recordings: 0, spans: 0, rows: 0 };
      if (!met.has(span.class)) amount.recordings += 1;
      met.add(span.class);
      amount.spans += 1;
      amount.rows += span.to_row - span.from_row;
      amounts.set(span.class, amount);
    }
  }
  return [...amounts].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
}

/** What there is of a set. */
export function setAmount(recordings: readonly Labelled[], set: LabelSet): Amount {
  const whole: Amount = { recordings: 0, spans: 0, rows: 0 };
  for (const recording of recordings) {
    const spans = spansOf(recording, set);
    whole.recordings += spans.length > 0 ? 1 : 0;
    whole.spans += spans.length;
    for (const span of spans) whole.rows += span.to_row - span.from_row;
  }
  return whole;
}

/** Why the trainer would refuse this name of a set; nothing if it takes it. */
export function setFault(name: string, known: readonly LabelSet[] = []): string | undefined {
  if (name === "") return "A label set has a name.";
  if (name.length > 100) return "A name has at most 100 characters.";
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    return "Letters, digits, dot, _ and - make a name; it begins with a letter or a digit.";
  if (known.includes(name)) return `There is a label set ${name} already.`;
  return undefined;
}
