import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

import {
  channelsBefore,
  emptyValue,
  fieldFault,
  fieldLabel,
  stepKinds,
  stepRequest,
  stepText,
  type ApiDocument,
  type DraftStep,
} from "./steps";

const document = JSON.parse(readFileSync("../trainer/openapi.json", "utf8")) as ApiDocument;
const KINDS = stepKinds(document);
const kind = (name: string) => KINDS.find((known) => known.name === name)!;
const field = (step: string, name: string) => kind(step).fields.find((known) => known.name === name)!;

it("finds every step with its fields in the API's document", () => {
  expect(KINDS.map(({ name }) => name)).toEqual([
    "select",
    "rename",
    "convert",
    "resample",
    "fill",
    "cut",
    "join",
    "concatenate",
  ]);
  for (const { name, doc, fields } of KINDS) {
    expect(doc, name).not.toBe("");
    for (const each of fields) expect(each.doc, `${name}.${each.name}`).not.toBe("");
  }
});

it("tells what each field takes, and which are needed", () => {
  expect(field("select", "channels")).toMatchObject({ kind: "texts", required: true });
  expect(field("resample", "rate_hz")).toMatchObject({ kind: "number", required: true });
  expect(field("resample", "method")).toMatchObject({ kind: "choice", choices: ["linear", "mean", "previous"] });
  expect(field("resample", "gap_max_ms")).toMatchObject({ kind: "number", required: false });
  expect(field("cut", "from_row")).toMatchObject({ kind: "integer", required: false });
  expect(field("join", "same_start")).toMatchObject({ kind: "flag", required: false });
  expect(field("convert", "from")).toMatchObject({ kind: "text", required: false });
  // What is needed comes first.
  expect(kind("convert").fields.map(({ name }) => name)).toEqual(["channel", "to", "from"]);
});

it("names fields with their units", () => {
  expect(["gap_max_ms", "rate_hz", "from_row", "from_s"].map(fieldLabel)).toEqual([
    "Gap max [ms]",
    "Rate [Hz]",
    "From row",
    "From [s]",
  ]);
});

it("begins with nothing, or with the first choice where one is needed", () => {
  expect(emptyValue(field("fill", "method"))).toBe("linear");
  expect(emptyValue(field("fill", "channels"))).toEqual([]);
  expect(emptyValue(field("join", "same_start"))).toBe(false);
});

it("says what cannot be sent", () => {
  const rate = field("resample", "rate_hz");
  expect(fieldFault(rate, "")).toContain("needed");
  expect(fieldFault(rate, "fast")).toContain("number");
  expect(fieldFault(rate, "12.5")).toBeUndefined();
  const row = field("cut", "from_row");
  for (const typed of ["-1", "1.5"]) expect(fieldFault(row, typed)).toContain("whole");
  expect(fieldFault(row, "")).toBeUndefined();
  expect(fieldFault(field("select", "channels"), [])).toContain("needed");
});

it("sends what was filled in, in the types that the trainer takes", () => {
  const values = { rate_hz: "50", method: "mean", gap_max_ms: "" };
  expect(stepRequest(kind("resample"), values)).toEqual({ step: "resample", rate_hz: 50, method: "mean" });
  const join = { tolerance_ms: "5", same_start: true, accept_few_rows: false };
  expect(stepRequest(kind("join"), join)).toEqual({ step: "join", tolerance_ms: 5, same_start: true });
});

it("follows the channels through the steps before", () => {
  const channel = (name: string) => ({ name, role: "input" as const });
  const recordings = [
    { name: "r", channels: [channel("a"), channel("b")] },
    { name: "s", channels: [channel("a"), channel("c")] },
  ];
  const steps: DraftStep[] = [
    { key: 1, kind: "rename", values: { channel: "a", name: "x" } },
    { key: 2, kind: "select", values: { channels: ["c", "x"] } },
    { key: 3, kind: "join", values: { name_by_recording: true } },
  ];
  expect(channelsBefore(recordings, steps, 0)).toEqual(["a", "b", "c"]);
  expect(channelsBefore(recordings, steps, 1)).toEqual(["x", "b", "c"]);
  expect(channelsBefore(recordings, steps, 2)).toEqual(["c", "x"]);
  expect(channelsBefore(recordings, steps, 3)).toEqual(["r.a", "r.b", "s.a", "s.c"]);
});

it("tells a step in one line", () => {
  expect(stepText({ step: "select", channels: ["a", "b"] })).toBe("select · channels a, b");
  expect(stepText({ step: "resample", rate_hz: 50, method: "mean" })).toBe("resample · rate_hz 50 · method mean");
});
