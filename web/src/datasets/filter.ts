// Which recordings of a dataset are listed: by a part of the name or of a tag, by one tag, and by class.
import type { Schemas } from "../api/client";

/** What the class filter says for recordings without labels; no class can be called so. */
export const UNLABELLED = "";

export interface Filter {
  text: string;
  /** `undefined` takes all. */
  class: string | undefined;
  /** A tag as `name=value`; `undefined` takes all. */
  tag: string | undefined;
}

/** The filter that an address names. */
export function filterOf(query: { q?: unknown; class?: unknown; tag?: unknown }): Filter {
  return {
    text: typeof query.q === "string" ? query.q : "",
    class: typeof query.class === "string" ? query.class : undefined,
    tag: typeof query.tag === "string" ? query.tag : undefined,
  };
}

export function matches(recording: Pick<Schemas["Entry"], "name" | "labels" | "tags">, filter: Filter): boolean {
  const text = filter.text.trim().toLowerCase();
  const facts = [recording.name, ...Object.entries(recording.tags).map(([name, value]) => `${name}=${value}`)];
  if (text !== "" && !facts.some((fact) => fact.toLowerCase().includes(text))) return false;
  if (filter.tag !== undefined && !facts.slice(1).includes(filter.tag)) return false;
  if (filter.class === undefined) return true;
  if (filter.class === UNLABELLED) return recording.labels.length === 0;
  return recording.labels.some((label) => label.class === filter.class);
}
