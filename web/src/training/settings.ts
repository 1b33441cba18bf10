// What a run is asked for, as the form keeps it and as the trainer takes it.
import type { Schemas } from "../api/client";
import type { Machine } from "./machine";

type Shape = Schemas["PipelineSettings"];

/** Everything that decides a run; the same shape that a run keeps as its settings. */
export interface Settings {
  dataset: string;
  dataset_version: number | null;
  estimator: string;
  parameters: Record<string, unknown>;
  pipeline: Omit<Shape, "gap" | "machine"> & { gap: Required<Shape["gap"]>; machine: Machine };
  selection: Schemas["Selection"];
  seed: number;
  /** What to find out beside the model. */
  insight: Schemas["Insight"];
}

/** A pipeline with everything left open. */
export function openPipeline(): Settings["pipeline"] {
  return {
    channels: [],
    without_channels: [],
    rate: "recorded",
    resample: false,
    gap: { max_samples: 0, fill: "none", interval_max_ms: null },
    rows: false,
    window: null,
    stride: null,
    features: ["all"],
    machine: {},
  };
}

/** A selection with everything left open. */
export function openSelection(): Settings["selection"] {
  return {
    calibration_share: 0.3,
    label_rule: null,
    label_set: null,
    normal: null,
    only: [],
    split: null,
    target: null,
    target_rule: "last",
    test: null,
    train_rows: null,
    unlabelled: null,
  };
}

/** Nothing to find out beside the model. */
export function openInsight(): Settings["insight"] {
  return { folds: null, importance_repeats: null };
}

/** Settings with everything left open. */
export function openSettings(dataset = ""): Settings {
  return {
    dataset,
    dataset_version: null,
    estimator: "",
    parameters: {},
    pipeline: openPipeline(),
    selection: openSelection(),
    seed: 0,
    insight: openInsight(),
  };
}

/** The settings of a run; what it leaves out is open. */
export function settingsOf(kept: Record<string, unknown>): Settings {
  const open = openSettings();
  const given = kept as Partial<Settings>;
  const pipeline = { ...open.pipeline, ...given.pipeline };
  return {
    ...open,
    ...given,
    pipeline: { ...pipeline, gap: { ...open.pipeline.gap, ...given.pipeline?.gap } },
    selection: { ...open.selection, ...given.selection },
    insight: { ...open.insight, ...given.insight },
  };
}

/** A copy that shares nothing with the form. */
export function copied<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** What of a selection concerns a task; the rest of the form stays where it is, unsent. */
export function selectionFor(task: string | undefined, selection: Settings["selection"]): Settings["selection"] {
  const open = openSelection();
  const sent = copied(selection);
  if (task !== "regression") Object.assign(sent, { target: open.target, target_rule: open.target_rule });
  if (task !== "anomaly") Object.assign(sent, { normal: open.normal, calibration_share: open.calibration_share });
  if (task === "regression") sent.label_rule = open.label_rule;
  return sent;
}

/** A pipeline as it is sent: the trainer fills in what is left out. */
export const sentPipeline = (pipeline: Settings["pipeline"]) => pipeline as Shape;

/** The request for a run. */
export function requestOf(settings: Settings, task: string | undefined, model: string): Schemas["RunRequest"] {
  const { dataset, dataset_version, estimator, parameters, pipeline, selection, seed, insight } = copied(settings);
  if (task === "anomaly") insight.folds = null;
  return {
    dataset,
    dataset_version,
    estimator,
    parameters: parameters as Record<string, never>,
    pipeline: sentPipeline(pipeline),
    selection: selectionFor(task, selection),
    seed,
    insight,
    model: model.trim() || null,
  };
}

/** The request for a preview. */
export function previewOf(
  settings: Settings,
  task: string | undefined,
  recording: string | null,
): Schemas["PreviewRequest"] {
  const { dataset, dataset_version, estimator, pipeline, selection, seed } = copied(settings);
  const request: Schemas["PreviewRequest"] = {
    dataset,
    dataset_version,
    pipeline: sentPipeline(pipeline),
  };
  if (recording) request.recording = recording;
  if (!estimator) return request;
  return { ...request, estimator, selection: selectionFor(task, selection), seed };
}

/** A note without the option of the command line that changes what it says: here, the form does. */
export function noteText(note: string): string {
  const text = note.replace(/\s*\((?:[^()]*\s)?--[a-z][^()]*\)/g, "");
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
