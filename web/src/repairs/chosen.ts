// Which recordings selectors name, in their order, as the trainer reads them.
import type { Schemas } from "../api/client";

/** Whether a pattern, in which `*` is any text, fits the whole text. */
function fits(pattern: string, text: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(text);
}

/** The recordings that `tag:NAME=VALUE` and `recording:NAME` name; all where there is no selector. */
export function chosenRecordings<T extends Pick<Schemas["Entry"], "name" | "tags">>(
  recordings: readonly T[],
  selectors: readonly string[],
): T[] {
  if (selectors.length === 0) return [...recordings];
  const chosen = new Set<T>();
  for (const selector of selectors) {
    const [, tag, value] = /^tag:([^=]*)=(.*)$/s.exec(selector) ?? [];
    const name = selector.startsWith("recording:") ? selector.slice("recording:".length) : undefined;
    for (const recording of recordings) {
      const own = tag === undefined ? undefined : recording.tags[tag];
      if (name !== undefined && fits(name, recording.name)) chosen.add(recording);
      if (own !== undefined && value !== undefined && fits(value, own)) chosen.add(recording);
    }
  }
  return [...chosen];
}
