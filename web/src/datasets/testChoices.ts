// Which recordings could be tested on, as selectors that the trainer takes.
import type { Schemas } from "../api/client";

/** Tags that some recordings have and others have not, and names of recordings; at most so many. */
export function testChoices(recordings: readonly Pick<Schemas["Entry"], "name" | "tags">[], most = 200): string[] {
  const counts = new Map<string, number>();
  for (const { tags } of recordings) {
    for (const [name, value] of Object.entries(tags)) {
      const selector = `tag:${name}=${value}`;
      counts.set(selector, (counts.get(selector) ?? 0) + 1);
    }
  }
  const parting = [...counts].filter(([, count]) => count < recordings.length).map(([selector]) => selector);
  return [...parting.sort(), ...recordings.map(({ name }) => `recording:${name}`)].slice(0, most);
}
