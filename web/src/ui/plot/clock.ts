// When a row was: by the times of the points that are there, straight between two of them.
import { duration } from "../format";

/** The times of some rows. */
interface Times {
  from_row: number;
  to_row: number;
  rows_per_point: number;
  absolute_time: boolean;
  time_ns: string[];
}

/** Tells rows and times from each other; seconds count from the recording's first row. */
export interface Clock {
  /** False where rows have no times, such as cycles. */
  timed: boolean;
  /** The first row's time in milliseconds since 1970, where it is known. */
  startMs: number | null;
  seconds: (row: number) => number;
  /** The row of a time; the inverse of `seconds`. */
  row: (seconds: number) => number;
  /** The time of a row, told from times that lie `step_s` seconds apart. */
  text: (row: number, step_s?: number) => string;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200];

/** Of the whole recording's points; `rate_hz` where it has a rate. */
export function clockOf(whole: Times, rate_hz: number | null): Clock {
  const first = BigInt(whole.time_ns[0] ?? "0");
  const at = whole.time_ns.map((time) => Number(BigInt(time) - first) / 1e9);
  const step = whole.rows_per_point;
  // Rows without times or a rate are written down by the trainer as one second each.
  const timed = rate_hz !== null || whole.absolute_time || at.some((time, point) => time !== point * step);
  const startMs = whole.absolute_time ? Number(first / 1_000_000n) : null;

  const seconds = (row: number) => {
    if (rate_hz !== null) return row / rate_hz;
    const last = at.length - 1;
    if (last < 1) return 0;
    const place = Math.min(Math.max(row / step, 0), whole.to_row / step);
    const low = Math.min(Math.floor(place), last - 1);
    const [from = 0, to = 0] = [at[low], at[low + 1]];
    return from + (to - from) * (place - low);
  };
  const row = (time: number) => {
    if (rate_hz !== null) return time * rate_hz;
    const last = at.length - 1;
    if (last < 1) return 0;
    let [low, high] = [0, last];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((at[middle] as number) <= time) low = middle;
      else high = middle;
    }
    const [from, to] = [at[low] as number, at[high] as number];
    return to === from ? low * step : (low + (time - from) / (to - from)) * step;
  };
  const text = (of: number, step_s = 0.001) => {
    if (!timed) return `${of}`;
    return startMs === null ? sinceStart(seconds(of), step_s) : timeOfDay(startMs + seconds(of) * 1000, step_s);
  };
  return { timed, startMs, seconds, row, text };
}

function decimals(step_s: number): number {
  return Math.min(Math.max(Math.ceil(-Math.log10(step_s) - 1e-9), 0), 6);
}

function sinceStart(seconds: number, step_s: number): string {
  if (seconds < 120) return `${seconds.toFixed(decimals(step_s))}\u202fs`;
  if (seconds >= 86400) return duration(seconds);
  const whole = Math.floor(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const rest = decimals(step_s) > 0 ? (seconds - whole).toFixed(decimals(step_s)).slice(1) : "";
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}${rest}`;
}

function timeOfDay(ms: number, step_s: number): string {
  const iso = new Date(ms).toISOString();
  if (step_s >= 86400) return iso.slice(0, 10);
  if (step_s >= 3600) return iso.slice(5, 16).replace("T", " ");
  const digits = Math.min(decimals(step_s), 3);
  return digits === 0 ? iso.slice(11, 19) : iso.slice(11, 20 + digits);
}

/** Rows at which round times lie, at most about `count` of those in view. */
export function timeTicks(clock: Clock, from: number, to: number, count: number): number[] {
  if (!clock.timed) return roundRows(from, to, count);
  // Round times of day begin at midnight UTC.
  const origin = clock.startMs === null ? 0 : (clock.startMs / 1000) % 86400;
  const [start, end] = [clock.seconds(from) + origin, clock.seconds(to) + origin];
  const step = stepOf((end - start) / Math.max(count, 1));
  if (!(step > 0)) return [from];
  const ticks = [];
  for (let tick = Math.ceil(start / step - 1e-9); tick * step <= end + step * 1e-9; tick += 1) {
    ticks.push(clock.row(tick * step - origin));
  }
  return ticks;
}

/** The next round length of time that is at least so long. */
export function stepOf(seconds: number): number {
  const round = STEPS.find((step) => step >= seconds);
  if (seconds > 1 && round) return round;
  if (seconds > 86400 / 2) return Math.ceil(seconds / 86400) * 86400;
  return roundStep(seconds);
}

function roundStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size));
  return ([1, 2, 5, 10].find((factor) => factor * power >= size * (1 - 1e-9)) ?? 10) * power;
}

function roundRows(from: number, to: number, count: number): number[] {
  const step = Math.max(1, roundStep((to - from) / Math.max(count, 1)));
  const ticks = [];
  for (let row = Math.ceil(from / step) * step; row <= to; row += step) ticks.push(row);
  return ticks;
}
