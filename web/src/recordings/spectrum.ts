// Spectra as the plots take them.
import type { Schemas } from "../api/client";
import type { Line } from "../ui/plot/LinePlot.vue";

/** Shortest span that has a spectrum, and the longest segment, where the trainer draws the lines. */
export const SPAN_ROWS_MIN = 8;
const SEGMENT_ROWS_MAX = 65_536;

/** Lengths of segments to choose from for a span: powers of two that fit into it. */
export function lengthsFor(rows: number): number[] {
  const lengths = [];
  for (let length = 2 * SPAN_ROWS_MIN; length <= Math.min(rows, SEGMENT_ROWS_MAX); length *= 2) {
    lengths.push(length);
  }
  return lengths;
}

/** The unit of a density of values in this unit. */
export function densityUnit(unit: string | null | undefined): string {
  return unit ? `(${unit})²/Hz` : "1/Hz";
}

/** A line for each channel, in the colour that it has. */
export function spectrumLines(
  spectrum: Schemas["Spectrum"] | undefined,
  positions: ReadonlyMap<string, number>,
): Line[] {
  return (spectrum?.channels ?? []).map(({ name, unit, density }) => ({
    label: `${name} [${densityUnit(unit)}]`,
    values: density,
    position: positions.get(name) ?? 0,
  }));
}
