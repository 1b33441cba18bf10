// The parts of a split: how they are called and coloured wherever they are drawn.
import type { Schemas } from "../api/client";
import type { Band } from "../ui/plot/bands";

export type Part = Schemas["Part"];

/** What each part is for, and which of the series' colours it has. */
export const PARTS: Record<Part, { label: string; doc: string; position: number }> = {
  train: { label: "train", doc: "learned from", position: 0 },
  calibration: { label: "calibration", doc: "held back to set the alarm line", position: 4 },
  test: { label: "test", doc: "tested on", position: 1 },
  unused: { label: "unused", doc: "between the parts", position: 6 },
};

/** The parts in the order of a legend. */
export const PART_NAMES = Object.keys(PARTS) as Part[];

/** Something with a part that lies between two places of an axis. */
export interface Placed {
  part: Part;
  from: number;
  to: number;
}

/** Stretches of the same part as bands; where two overlap, the later begins where it begins. */
export function partBands(placed: readonly Placed[], shown: readonly Part[] = PART_NAMES): Band[] {
  const bands: (Band & { part: Part })[] = [];
  for (const { part, from, to } of placed) {
    const last = bands.at(-1);
    if (last && last.part === part && from <= last.to) {
      last.to = Math.max(last.to, to);
      continue;
    }
    if (last && last.to > from) last.to = from;
    bands.push({ part, from, to, label: PARTS[part].label, position: PARTS[part].position });
  }
  return bands.filter((band) => shown.includes(band.part) && band.to > band.from);
}
