// What a device answers for one window, as docs/mqtt.md describes it, and how it is written.
import type { Schemas } from "../api/client";
import { moment, number, percent, quantity } from "../ui/format";

/** A result as the edge makes it. */
export interface EdgeResult {
  id: string;
  start?: string;
  end?: string;
  /** Where times do not count from 1970. */
  start_s?: number;
  end_s?: number;
  index: number;
  sequence: number;
  class?: string;
  probabilities?: Record<string, number>;
  value?: number;
  score?: number;
  anomaly?: boolean;
  model?: string;
  version?: number;
  artifact_sha256: string;
}

/** The edge's part of an event. */
export function edgeResult(event: Schemas["DeviceResult"]): EdgeResult {
  return event.result as unknown as EdgeResult;
}

/** What the models behind these results answer, by the newest one. */
export function taskOf(result: EdgeResult | undefined): Schemas["Task"] | undefined {
  if (result?.class !== undefined) return "classification";
  if (result?.score !== undefined) return "anomaly";
  return result?.value !== undefined ? "regression" : undefined;
}

/** The classes in the order of the model, then those of models before it. */
export function classesOf(results: readonly EdgeResult[]): string[] {
  const newest = results.at(-1);
  const names = new Set(Object.keys(newest?.probabilities ?? {}));
  for (const result of results) if (result.class !== undefined) names.add(result.class);
  return [...names];
}

/** How often each word occurs, in the order given. */
export function tally(words: readonly string[], order: readonly string[]): { word: string; count: number }[] {
  const counted = order.map((word) => ({ word, count: words.filter((other) => other === word).length }));
  return counted.filter(({ count }) => count > 0);
}

/** The word that a strip and its legend have for a result. */
export function wordOf(result: EdgeResult): string {
  if (result.class !== undefined) return result.class;
  return result.anomaly ? "alarm" : "no alarm";
}

/** The answer in one line. */
export function answerText(result: EdgeResult, unit?: string | null): string {
  if (result.class !== undefined) {
    const probability = result.probabilities?.[result.class];
    return probability === undefined ? result.class : `${result.class} ${percent(probability)}`;
  }
  if (result.score !== undefined) return `${number(result.score)} ${result.anomaly ? "(alarm)" : ""}`.trim();
  return quantity(result.value, unit);
}

/** When the window ended: a time of day with milliseconds, or seconds from the stream's start. */
export function endText(result: EdgeResult): string {
  if (result.end_s !== undefined) return quantity(result.end_s, "s", 7);
  const ms = Date.parse(result.end ?? "");
  if (Number.isNaN(ms)) return "–";
  return `${moment(ms).slice(-8)}.${String(((ms % 1000) + 1000) % 1000).padStart(3, "0")}`;
}

/** When the window ended, in seconds, for an axis. */
export function endSeconds(result: EdgeResult): number {
  return result.end_s ?? Date.parse(result.end ?? "") / 1000;
}
