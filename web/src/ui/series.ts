// Colours of series and classes: the same name has the same colour on a page.

/** How many colours there are; further series begin again, which is why plots also name them. */
export const SERIES_COUNT = 8;

/** The CSS class that colours the series with this position. */
export function seriesClass(position: number): string {
  return `series-${(position % SERIES_COUNT) + 1}`;
}

/** A custom property's colour as a canvas takes it, in the theme of this element. */
export function resolved(property: string, within: Element = document.documentElement): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${property})`;
  within.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

/** The colour of a series as a canvas takes it. */
export function seriesColour(position: number, within?: Element): string {
  return resolved(`--series-${(position % SERIES_COUNT) + 1}`, within);
}

/** The same colour, so transparent. */
export function faded(colour: string, opacity: number): string {
  const parts = colour.match(/[\d.]+/g) ?? ["0", "0", "0"];
  return `rgb(${parts[0]} ${parts[1]} ${parts[2]} / ${opacity})`;
}
