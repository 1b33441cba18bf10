import { expect, it } from "vitest";

import type { Schemas } from "../api/client";
import { emptySource, patternOf, sourceRequest, sourcesOf, sparkplugGroups, tagsOf } from "./sources";

const found = (topic: string, format: string | null = "json", names = ["x"]): Schemas["TopicFound"] => ({
  topic,
  format,
  messages: 1,
  bytes: 1,
  samples: 1,
  channels: names.map((name) => ({ name })),
});

it("puts the levels in which topics differ into braces", () => {
  expect(patternOf(["plant/1/pump/acc", "plant/2/fan/acc"])).toEqual({
    topic: "plant/{level_2}/{level_3}/acc",
    names: ["level_2", "level_3"],
  });
  expect(patternOf(["a/b"])).toEqual({ topic: "a/b", names: [] });
});

it("makes one source of topics that are alike, and names their streams", () => {
  const sources = sourcesOf([found("plant/1/acc"), found("plant/2/acc"), found("plant/1/temp", "json", ["t"])]);
  expect(sources.map(({ topic, stream }) => [topic, stream])).toEqual([
    ["plant/{level_2}/acc", "{level_2}"],
    ["plant/1/temp", "plant.1.temp"],
  ]);
});

it("takes the last differing level of single numbers for the channel", () => {
  const [source] = sourcesOf([found("plc/1/speed", "number"), found("plc/2/flow", "number")]);
  expect(source).toMatchObject({ topic: "plc/{level_2}/{channel}", stream: "{level_2}", channel: "{channel}" });
  const [one] = sourcesOf([found("plc/1/speed", "number")]);
  expect(one).toMatchObject({ topic: "plc/1/speed", stream: "plc.1.speed", channel: "speed" });
});

it("records Sparkplug B by its groups", () => {
  const topics = [found("spBv1.0/plant/NDATA/a", "sparkplug"), found("spBv1.0/plant/DDATA/a/b", "sparkplug")];
  expect(sparkplugGroups(topics)).toEqual(["plant"]);
  expect(sourcesOf(topics)).toEqual([]);
});

it("sends what was typed, and nothing else", () => {
  expect(sourceRequest({ ...emptySource(0), topic: " a/{b} " })).toEqual({ topic: "a/{b}", format: "json" });
  const full = { ...emptySource(0), topic: "a/b", stream: "s", time: "t", time_unit: "ms", positions: "x, y," };
  expect(sourceRequest({ ...full, channel: "left out" })).toEqual({
    topic: "a/b",
    format: "json",
    stream: "s",
    time: "t",
    time_unit: "ms",
    positions: ["x", "y"],
  });
  expect(sourceRequest({ ...full, format: "number", channel: "{c}" }).channel).toBe("{c}");
});

it("reads tags line by line, and names the line that is none", () => {
  expect(tagsOf("load=40\n machine = pump \n\n")).toEqual({ tags: { load: "40", machine: "pump" } });
  for (const line of ["load", "=40", "load="]) expect(tagsOf(line).fault, line).toContain(line);
});
