// What a regression could predict: channels, and tags that are numbers.
import type { Schemas } from "../api/client";

const TAG = "tag:";

/** Channels made to be predicted first, then the others, then tags that have a number somewhere. */
export function targetsOf(recordings: Pick<Schemas["Entry"], "channels" | "tags">[]): string[] {
  const channels = new Map(recordings.flatMap(({ channels }) => channels.map((c) => [c.name, c.role] as const)));
  const named = (wanted: string) => [...channels].filter(([, role]) => role === wanted).map(([name]) => name);
  const isNumber = (value: string) => value.trim() !== "" && Number.isFinite(Number(value));
  const tags = recordings.flatMap(({ tags }) =>
    Object.entries(tags)
      .filter(([, value]) => isNumber(value))
      .map(([name]) => TAG + name),
  );
  return [...named("target"), ...named("input"), ...[...new Set(tags)].sort()];
}

/** A target in words. */
export function targetText(target: string): string {
  return target.startsWith(TAG) ? `${target.slice(TAG.length)} (tag)` : target;
}
