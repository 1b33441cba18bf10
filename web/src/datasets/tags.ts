// Tags as a form has them, and which of them recordings can be found by.
import type { Schemas } from "../api/client";

/** Facts that are asked for most. */
export const PROPOSED_TAGS = ["machine", "load", "operator", "session"] as const;

export interface TagRow {
  name: string;
  value: string;
}

const isFilled = ({ value }: TagRow) => value.trim() !== "";

/** What the trainer would refuse; nothing where it takes them. */
export function tagFault(rows: readonly TagRow[]): string | undefined {
  const names = rows.filter(isFilled).map(({ name }) => name.trim());
  if (names.includes("")) return "A value has no name.";
  const odd = names.find((name) => /[=,]/.test(name));
  if (odd !== undefined) return `“${odd}” has = or , in it: a name of a tag has neither.`;
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  return twice === undefined ? undefined : `“${twice}” stands there twice.`;
}

/** The tags that a form says; rows without a value are none. */
export function tagsOfRows(rows: readonly TagRow[]): Record<string, string> {
  return Object.fromEntries(rows.filter(isFilled).map(({ name, value }) => [name.trim(), value.trim()]));
}

/** All tags of recordings as `name=value`, in order; at most so many. */
export function tagChoices(recordings: Pick<Schemas["Entry"], "tags">[], most = 200): string[] {
  const found = recordings.flatMap(({ tags }) => Object.entries(tags).map(([name, value]) => `${name}=${value}`));
  return [...new Set(found)].sort().slice(0, most);
}
