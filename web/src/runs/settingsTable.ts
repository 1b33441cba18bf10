// Settings of runs as rows of names and values, for reading and for telling two runs apart.
import { number } from "../ui/format";

/** One setting of one or several runs. */
export interface SettingRow {
  name: string;
  values: string[];
  differs: boolean;
}

/** What is written where nothing, or no list, is given. */
const OPEN: Record<string, string> = { parameters: "none", pipeline: "proposed", selection: "proposed" };
const ALL = ["channels", "only", "features"];

function text(value: unknown, open = "proposed", empty = "none"): string {
  if (value === null || value === undefined) return open;
  if (typeof value === "number")
    return value !== 0 && Math.abs(value) < 1e-4 ? String(value).replaceAll("-", "−") : number(value, 6);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.length === 0 ? empty : value.map((item) => text(item)).join(", ");
  const entries = Object.entries(value);
  // A length of time or a choice of what to test on: one name and what it is.
  if (entries.length === 1) {
    const [name, inner] = entries[0] as [string, unknown];
    return name === "seconds" || name === "samples" ? `${text(inner)} ${name}` : `${name}: ${text(inner)}`;
  }
  return entries.map(([name, inner]) => `${name.replaceAll("_", " ")} ${text(inner)}`).join(", ");
}

/** Every setting by its path, in the order in which they are kept. */
function paths(settings: Record<string, unknown>): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(settings)) {
    if (name in OPEN && typeof value === "object" && value !== null) {
      for (const [inner, setting] of Object.entries(value))
        found.set(
          `${name}: ${inner.replaceAll("_", " ")}`,
          text(setting, OPEN[name], ALL.includes(inner) ? "all" : "none"),
        );
    } else found.set(name.replaceAll("_", " "), text(value));
  }
  return found;
}

/** The settings of these runs side by side. */
export function settingsTable(runs: readonly Record<string, unknown>[]): SettingRow[] {
  const all = runs.map(paths);
  const names = [...new Set(all.flatMap((found) => [...found.keys()]))];
  return names.map((name) => {
    const values = all.map((found) => found.get(name) ?? "–");
    return { name, values, differs: new Set(values).size > 1 };
  });
}
