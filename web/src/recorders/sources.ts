// What a recorder is asked for, made of the topics that were found: topics that differ in their levels
// become one source with a name for each such level. It is a proposal: every field can be changed.
import type { Schemas } from "../api/client";

type Found = Schemas["TopicFound"];

/** How messages are written, by what the trainer reads. */
export const FORMATS = ["json", "cbor", "senml-json", "senml-cbor", "influx", "number"] as const;

/** Units of times. */
export const TIME_UNITS = ["s", "ms", "us", "ns", "datetime"] as const;

/** A source as it is being filled in: nothing typed is left out. */
export interface DraftSource {
  key: number;
  topic: string;
  stream: string;
  format: string;
  time: string;
  time_unit: string;
  /** Names with commas between them. */
  positions: string;
  channel: string;
  stream_tag: string;
}

/** A source with nothing typed. */
export const emptySource = (key: number): DraftSource => ({
  key,
  topic: "",
  stream: "",
  format: "json",
  time: "",
  time_unit: "",
  positions: "",
  channel: "",
  stream_tag: "",
});

const SPARKPLUG = "sparkplug";

/** The groups of Sparkplug B nodes among topics. */
export function sparkplugGroups(topics: readonly Found[]): string[] {
  const groups = topics.filter(({ format }) => format === SPARKPLUG).map(({ topic }) => topic.split("/")[1] ?? "");
  return [...new Set(groups)].filter((group) => group !== "").sort();
}

/** Sources for topics: those alike in format, depth and channels are one. */
export function sourcesOf(topics: readonly Found[]): DraftSource[] {
  const groups = new Map<string, Found[]>();
  for (const found of topics) {
    if (found.format === SPARKPLUG) continue;
    const channels = found.format === "number" ? [] : found.channels.map(({ name }) => name).sort();
    const alike = JSON.stringify([found.format, found.topic.split("/").length, channels]);
    groups.set(alike, [...(groups.get(alike) ?? []), found]);
  }
  return [...groups.values()].map((group, key) => {
    const format = group[0]?.format ?? "json";
    const { topic, names } = patternOf(group.map((found) => found.topic));
    // Of one number in each topic the last level that differs says what is measured.
    const channel = format === "number" ? (names.at(-1) ?? "") : "";
    const asset = names.filter((name) => name !== channel);
    const stream = asset.length > 0 ? asset.map((name) => `{${name}}`).join("-") : streamName(topic, names);
    return {
      ...emptySource(key),
      topic: channel === "" ? topic : topic.replace(`{${channel}}`, "{channel}"),
      stream,
      format,
      channel: channel === "" ? (format === "number" ? lastLevel(topic) : "") : "{channel}",
    };
  });
}

/** A name for the stream of a topic without levels in braces. */
function streamName(topic: string, names: readonly string[]): string {
  const levels = topic.split("/").filter((level) => !names.some((name) => level === `{${name}}`));
  return levels.join(".");
}

const lastLevel = (topic: string) => topic.split("/").at(-1) ?? "";

/** One topic for all of as many levels; a level in which they differ is in braces. */
export function patternOf(topics: readonly string[]): { topic: string; names: string[] } {
  const split = topics.map((topic) => topic.split("/"));
  const first = split[0] ?? [];
  const names: string[] = [];
  const levels = first.map((level, at) => {
    if (split.every((other) => other[at] === level)) return level;
    const name = `level_${at + 1}`;
    names.push(name);
    return `{${name}}`;
  });
  return { topic: levels.join("/"), names };
}

/** A source as the trainer takes it. */
export function sourceRequest(draft: DraftSource): Schemas["SourceSettings"] {
  const text = (value: string) => value.trim() || undefined;
  const positions = draft.positions
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const said = {
    stream: text(draft.stream),
    time: text(draft.time),
    time_unit: text(draft.time_unit),
    channel: draft.format === "number" ? text(draft.channel) : undefined,
    stream_tag: draft.format === "influx" ? text(draft.stream_tag) : undefined,
    positions: positions.length > 0 ? positions : undefined,
  };
  const given = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  return { topic: draft.topic.trim(), format: draft.format, ...given };
}

/** Tags of lines `name=value`, or the line that is none. */
export function tagsOf(text: string): { tags: Record<string, string>; fault?: string } {
  const tags: Record<string, string> = {};
  for (const line of text.split("\n").map((each) => each.trim())) {
    if (line === "") continue;
    const at = line.indexOf("=");
    if (at < 1 || at === line.length - 1)
      return { tags, fault: `“${line}” is no tag: write name=value, one in a line.` };
    tags[line.slice(0, at).trim()] = line.slice(at + 1).trim();
  }
  return { tags };
}

/** A channel with an example and its unit, in words. */
export function channelText({ name, unit }: Schemas["ChannelFound"]): string {
  return unit ? `${name} [${unit}]` : name;
}
