// Roles of columns as options of an import: what a choice in the table says to the trainer.
import type { Schemas } from "../api/client";

export type Settings = Schemas["ImportSettings"];
export type Column = Schemas["PreviewedColumn"];
export type Role = Column["role"];

/** The roles that can be chosen, in the order of the list. */
export const ROLES: { role: Exclude<Role, "undecided">; label: string }[] = [
  { role: "channel", label: "channel" },
  { role: "time", label: "time" },
  { role: "label", label: "label" },
  { role: "target", label: "target" },
  { role: "recording", label: "recording" },
  { role: "ignored", label: "left out" },
];

/** A copy in which the column serves no purpose but being a channel. */
function without(settings: Settings, name: string): Settings {
  const next: Settings = {
    ...settings,
    target_columns: settings.target_columns.filter((column) => column !== name),
    ignore_columns: settings.ignore_columns.filter((column) => column !== name),
  };
  if (next.time === name) {
    next.time = null;
    next.time_unit = null;
  }
  if (next.recording_column === name) next.recording_column = null;
  if (next.label_from === `column:${name}`) next.label_from = "none";
  return next;
}

/** The options once this column has this role. A role that only one column can have leaves the other. */
export function withRole(settings: Settings, name: string, role: Role): Settings {
  const next = without(settings, name);
  const units = { ...next.units };
  if (role !== "channel" && role !== "target") delete units[name];
  next.units = units;
  switch (role) {
    case "time":
      // A rate beside times is checked against them; that there is none was said for want of times.
      return { ...next, time: name, time_unit: null, rate_hz: next.rate_hz === "none" ? null : next.rate_hz };
    case "label":
      return { ...next, label_from: `column:${name}` };
    case "recording":
      return { ...next, recording_column: name };
    case "target":
      // Whoever names a target has looked at the labels too.
      return { ...next, target_columns: [...next.target_columns, name], label_from: next.label_from ?? "none" };
    case "ignored":
      return { ...next, ignore_columns: [...next.ignore_columns, name] };
    case "channel":
    case "undecided":
      return next;
  }
}

/** The options with this unit for the channel, or with none. */
export function withUnit(settings: Settings, name: string, unit: string): Settings {
  const units = { ...settings.units };
  if (unit.trim() === "") delete units[name];
  else units[name] = unit.trim();
  return { ...settings, units };
}

/** Where labels come from, as a form shows it: the source, and what it needs to be complete. */
export interface LabelSource {
  source: "folder" | "filename" | "pattern" | "column" | "value" | "none" | "";
  detail: string;
}

export function labelSource(label_from: string | null): LabelSource {
  if (label_from === null) return { source: "", detail: "" };
  const [head = "", ...rest] = label_from.split(":");
  const detail = rest.join(":");
  if (head === "filename") return { source: rest.length > 0 ? "pattern" : "filename", detail };
  if (head === "folder" || head === "column" || head === "value" || head === "none") return { source: head, detail };
  return { source: "", detail: label_from };
}

/** The option that a form says; null while something is missing. */
export function labelFrom({ source, detail }: LabelSource): string | null {
  if (source === "") return null;
  if (source === "pattern") return detail === "" ? null : `filename:${detail}`;
  if (source === "column" || source === "value") return detail === "" ? null : `${source}:${detail}`;
  return source;
}

/** Tags as people write them, `machine=pump3, load=40`; what is no tag comes back as a fault. */
export function tagsOf(text: string): { tags: Record<string, string>; fault?: string } {
  const tags: Record<string, string> = {};
  for (const part of text.split(/[,\n]/).map((tag) => tag.trim())) {
    if (part === "") continue;
    const at = part.indexOf("=");
    const [name, value] = [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    if (at < 1 || name === "" || value === "") return { tags, fault: `“${part}” is no tag: write name=value.` };
    tags[name] = value;
  }
  return { tags };
}

export function tagsText(tags: Record<string, string>): string {
  return Object.entries(tags)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");
}
