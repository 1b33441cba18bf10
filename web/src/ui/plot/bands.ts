// Stretches of a plot's x axis that are tinted and named: labels, windows, parts of a split.
import type uPlot from "uplot";

import { faded, resolved, seriesColour, SERIES_COUNT } from "../series";

/** A stretch of the x axis. */
export interface Band {
  from: number;
  to: number;
  /** Named where there is room. */
  label: string;
  /** Which of the series' colours it has. */
  position: number;
  /** Only its outline, for stretches that lie over each other, in one of several lanes. */
  outline?: boolean;
  lane?: number;
}

const LANES = 3;

/** Draws the bands behind the data. */
export function drawBands(plot: uPlot, bands: readonly Band[]): void {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  const ratio = devicePixelRatio;
  const colours = bandColours();
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  for (const band of bands) {
    const from = Math.max(plot.valToPos(band.from, "x", true), left - 2);
    const to = Math.min(plot.valToPos(band.to, "x", true), left + width + 2);
    if (to < left || from > left + width) continue;
    const colour = colours(band.position);
    if (band.outline) {
      const step = (6 * ratio * (band.lane ?? 0)) % (6 * ratio * LANES);
      ctx.strokeStyle = faded(colour, 0.9);
      ctx.lineWidth = ratio;
      ctx.strokeRect(
        from + ratio / 2,
        top + step + ratio,
        Math.max(to - from - ratio, 1),
        height - 2 * step - 2 * ratio,
      );
      continue;
    }
    ctx.fillStyle = faded(colour, 0.16);
    ctx.fillRect(from, top, Math.max(to - from, ratio), height);
    ctx.fillStyle = colour;
    ctx.fillRect(from, top, Math.max(to - from, ratio), 3 * ratio);
  }
  ctx.restore();
}

/** Writes the bands' names over the data, where there is room. */
export function nameBands(plot: uPlot, bands: readonly Band[]): void {
  const { ctx } = plot;
  const { left, top, width } = plot.bbox;
  const ratio = devicePixelRatio;
  const colours = bandColours();
  const ground = faded(resolved("--surface"), 0.85);
  ctx.save();
  ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  for (const band of bands) {
    if (band.outline || band.label === "") continue;
    const from = Math.max(plot.valToPos(band.from, "x", true), left);
    const to = Math.min(plot.valToPos(band.to, "x", true), left + width);
    if (to - from < 16 * ratio) continue;
    const size = ctx.measureText(band.label).width;
    if (size + 12 * ratio > to - from) continue;
    ctx.fillStyle = ground;
    ctx.fillRect(from + 2 * ratio, top + 4 * ratio, size + 8 * ratio, 16 * ratio);
    ctx.fillStyle = colours(band.position);
    ctx.fillText(band.label, from + 6 * ratio, top + 12.5 * ratio);
  }
  ctx.restore();
}

/** The series' colours; each is looked up once in a drawing, for there may be very many bands. */
export function bandColours(): (position: number) => string {
  const known = new Map<number, string>();
  return (position) => {
    const place = position % SERIES_COUNT;
    const colour = known.get(place) ?? seriesColour(place);
    known.set(place, colour);
    return colour;
  };
}
