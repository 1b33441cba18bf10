// Numbers, sizes and times as people read them. Only the way they are written: no figure is made here.

/**
 * At most four significant digits; very large and very small ones in scientific notation. Whole numbers
 * count things, such as rows: they have all their digits up to a trillion.
 */
export function number(value: number | null | undefined, digits = 4): string {
  if (value == null || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const large = size >= (Number.isInteger(value) ? 1e12 : 1e7);
  if (size !== 0 && (large || size < 1e-4)) return value.toExponential(digits - 1).replace("-", "−");
  const text = Number.isInteger(value)
    ? value.toLocaleString("en-US").replaceAll(",", "\u202f")
    : Number(value.toPrecision(digits))
        .toLocaleString("en-US", { maximumSignificantDigits: digits })
        .replaceAll(",", "\u202f");
  return text.replace("-", "−");
}

/** A number with its unit, if it has one. */
export function quantity(value: number | null | undefined, unit: string | null | undefined, digits = 4): string {
  return unit ? `${number(value, digits)}\u202f${unit}` : number(value, digits);
}

/** A share as a percentage with one decimal. */
export function percent(share: number | null | undefined): string {
  return share == null ? "–" : `${(share * 100).toFixed(1)}\u202f%`;
}

/** Bytes with decimal prefixes. */
export function bytes(count: number | null | undefined): string {
  if (count == null) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)}\u202f${units[unit]}`;
}

/** A length of time in the two largest units that matter. */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null) return "–";
  if (seconds < 1e-3) return `${number(seconds * 1e6, 3)}\u202fµs`;
  if (seconds < 1) return `${number(seconds * 1e3, 3)}\u202fms`;
  if (seconds < 60) return `${number(seconds, 3)}\u202fs`;
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [
    Math.floor(whole / 86400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days > 0) return `${days}\u202fd ${hours}\u202fh`;
  if (hours > 0) return `${hours}\u202fh ${minutes}\u202fmin`;
  return `${minutes}\u202fmin ${whole % 60}\u202fs`;
}

const exact = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });

/** A moment as date and time of this browser's time zone. */
export function moment(ms: number | null | undefined): string {
  return ms == null ? "–" : exact.format(ms);
}

/** How long ago a moment was. */
export function ago(ms: number | null | undefined, nowMs: number): string {
  if (ms == null) return "never";
  const seconds = Math.max(0, Math.round((nowMs - ms) / 1000));
  if (seconds < 5) return "just now";
  return `${duration(seconds)} ago`;
}

/** The first characters of a digest or identifier. */
export function short(id: string, length = 12): string {
  return id.length > length ? `${id.slice(0, length)}…` : id;
}

/** One of n things, with the right ending. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${number(n)} ${n === 1 ? one : many}`;
}
