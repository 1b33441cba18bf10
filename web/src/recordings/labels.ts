// Labels of a recording as spans of rows: sorted, never overlapping, within the rows. Painting, splitting
// and merging are the ways to change them; erasing paints with no class.
import type { Schemas } from "../api/client";

export type Span = Schemas["LabelSpan"];

/** Rows: the first, and the first after the last. */
export interface Range {
  from: number;
  to: number;
}

/** Where the trainer draws the line. */
export const CLASS_BYTES_MAX = 200;

/**
 * The spans with `range` of this class, or of none. What lay there before is cut; a neighbour of the same
 * class that touches it becomes one span with it. All other spans stay as they are.
 */
export function paint(spans: readonly Span[], range: Range, name: string | null, rows: number): Span[] {
  let from = Math.max(0, Math.min(range.from, range.to));
  let to = Math.min(rows, Math.max(range.from, range.to));
  if (from >= to) return [...spans];
  const before: Span[] = [];
  const after: Span[] = [];
  for (const span of spans) {
    if (span.from_row < from) before.push({ ...span, to_row: Math.min(span.to_row, from) });
    if (span.to_row > to) after.push({ ...span, from_row: Math.max(span.from_row, to) });
  }
  if (name === null) return [...before, ...after];
  const left = before.at(-1);
  if (left?.class === name && left.to_row === from) {
    from = left.from_row;
    before.pop();
  }
  const right = after[0];
  if (right?.class === name && right.from_row === to) {
    to = right.to_row;
    after.shift();
  }
  return [...before, { from_row: from, to_row: to, class: name }, ...after];
}

/** Two spans of the one that has this row inside it; the second begins there. Nothing to split gives nothing. */
export function split(spans: readonly Span[], row: number): Span[] | undefined {
  const at = spans.findIndex((span) => span.from_row < row && row < span.to_row);
  const whole = spans[at];
  if (!whole) return undefined;
  return [...spans.slice(0, at), { ...whole, to_row: row }, { ...whole, from_row: row }, ...spans.slice(at + 1)];
}

/**
 * One span of those that these rows touch, with the rows between them, as the trainer merges. Nothing where
 * they touch fewer than two, or more than one class.
 */
export function merge(spans: readonly Span[], { from, to }: Range): Span[] | undefined {
  const first = spans.findIndex((span) => span.to_row > from);
  const after = spans.findIndex((span) => span.from_row >= to);
  const [low, high] = [first < 0 ? spans.length : first, after < 0 ? spans.length : after];
  const touched = spans.slice(low, high);
  const [one, last] = [touched[0], touched.at(-1)];
  if (!one || !last || touched.length < 2 || touched.some((span) => span.class !== one.class)) return undefined;
  return [...spans.slice(0, low), { ...one, to_row: last.to_row }, ...spans.slice(high)];
}

/** The position of the span that has this row, or −1. */
export function spanAt(spans: readonly Span[], row: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle] as Span).to_row <= row) low = middle + 1;
    else high = middle;
  }
  const found = spans[low];
  return found && found.from_row <= row ? low : -1;
}

/** Whether both say the same. */
export function same(a: readonly Span[], b: readonly Span[]): boolean {
  return (
    a === b ||
    (a.length === b.length &&
      a.every((span, at) => {
        const other = b[at];
        return span.from_row === other?.from_row && span.to_row === other.to_row && span.class === other.class;
      }))
  );
}

/** Why this cannot be the name of a class; nothing if it can. */
export function classFault(name: string): string | undefined {
  if (name.trim() === "") return "A class has a name.";
  const size = new TextEncoder().encode(name).length;
  if (size > CLASS_BYTES_MAX) return `A class has at most ${CLASS_BYTES_MAX} bytes, this one has ${size}.`;
  return undefined;
}
