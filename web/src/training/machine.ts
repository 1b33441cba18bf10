// What is known of the machine, as the form writes it and as the trainer takes it.
import type { Schemas } from "../api/client";

/** What is said of the machine; what is left out is open. */
export type Machine = Partial<Schemas["Machine"]>;
export type Band = Schemas["Band"];

/** How the speed of the shaft is known. */
export type SpeedKind = "rpm" | "hz" | "channel_rpm" | "channel_hz";

/** What was typed, or what to type instead. */
export type Typed<T> = { value: T | undefined } | { error: string };

export const bandText = (band: Band | null | undefined) => (band ? `${band.low_hz}..${band.high_hz}` : "");
export const bandsText = (bands: readonly Band[] | undefined) => (bands ?? []).map(bandText).join(", ");

const parts = (text: string) =>
  text
    .split(/[,;]/)
    .map((part) => part.trim())
    .filter((part) => part !== "");

function bandOf(part: string): Band | undefined {
  const [low, high, ...more] = part.split("..").map((number) => (number.trim() === "" ? NaN : Number(number)));
  if (low === undefined || high === undefined || more.length > 0 || !Number.isFinite(low) || !Number.isFinite(high))
    return undefined;
  return { low_hz: low, high_hz: high };
}

/** Bands in hertz; an empty text is none. */
export function bandsOf(text: string): Typed<Band[]> {
  const bands = parts(text).map(bandOf);
  if (bands.some((band) => band === undefined)) return { error: "Write bands in Hz as 10..50, 50..200." };
  return { value: bands.length > 0 ? (bands as Band[]) : undefined };
}

/** One band in hertz; an empty text is none. */
export function oneBandOf(text: string): Typed<Band> {
  const bands = bandsOf(text);
  if ("error" in bands || (bands.value ?? []).length > 1) return { error: "Write a band in Hz as 10..1000." };
  return { value: bands.value?.[0] };
}

/** Numbers with commas between them; an empty text is none. */
export function numbersOf(text: string): Typed<number[]> {
  const numbers = parts(text).map(Number);
  if (!numbers.every(Number.isFinite)) return { error: "Write numbers as 1, 2, 3." };
  return { value: numbers.length > 0 ? numbers : undefined };
}

/** How a speed is known, and the number or the channel. */
export function speedOf(speed: Schemas["Speed"] | undefined): [SpeedKind, string] | undefined {
  const entry = Object.entries(speed ?? {})[0];
  return entry && [entry[0] as SpeedKind, String(entry[1])];
}

/** A speed as the trainer takes it; undefined while a number or channel is missing. */
export function speedFrom(kind: SpeedKind, text: string): Schemas["Speed"] | undefined {
  if (text.trim() === "") return undefined;
  if (kind === "channel_rpm") return { channel_rpm: text };
  if (kind === "channel_hz") return { channel_hz: text };
  const number = Number(text);
  if (!Number.isFinite(number)) return undefined;
  return kind === "rpm" ? { rpm: number } : { hz: number };
}

/** The machine without what no chosen feature reads: the trainer refuses what nobody reads. */
export function readOf(machine: Machine, read: ReadonlySet<string>): Machine {
  return Object.fromEntries(Object.entries(machine).filter(([name]) => read.has(name))) as Machine;
}
