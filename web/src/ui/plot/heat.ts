// Colours of densities: from few to many by brightness as well as by hue, for every kind of colour vision.

/** A colour by its parts, 0 to 255. */
export type Colour = readonly [number, number, number];

/** The parts of a colour as the browser computes it. */
export function partsOf(css: string): Colour {
  const [red = 0, green = 0, blue = 0] = (css.match(/[\d.]+/g) ?? []).map(Number);
  return [red, green, blue];
}

/** The colour of a share, 0 to 1, on a ramp with equally spaced stops. */
export function onRamp(stops: readonly Colour[], share: number): Colour {
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const at = Math.min(Math.floor(place), stops.length - 2);
  const [from, to] = [stops[at], stops[at + 1]];
  if (!from || !to) return stops[0] ?? [0, 0, 0];
  const mix = (part: 0 | 1 | 2) => Math.round(from[part] + (to[part] - from[part]) * (place - at));
  return [mix(0), mix(1), mix(2)];
}

/** Powers of ten between the smallest and the largest value above 0; at most `decades` of them. */
export function decadesOf(values: readonly (readonly number[])[], decades = 6): [number, number] | undefined {
  let [low, high] = [Infinity, 0];
  for (const column of values) {
    for (const value of column) {
      if (value > high) high = value;
      if (value > 0 && value < low) low = value;
    }
  }
  if (high === 0) return undefined;
  const top = Math.log10(high);
  const bottom = Math.max(Math.log10(low), top - decades);
  return top - bottom < 1e-9 ? [top - 1, top] : [bottom, top];
}
