// What an artifact says of itself: the parts of docs/artifact.md that the console shows.
import type { Schemas } from "../api/client";

export interface ManifestChannel {
  name: string;
  unit?: string;
  align?: { method: string; age_max_ms: number };
}

export interface Manifest {
  format_version: number;
  task: Schemas["Task"];
  pipeline: {
    channels: ManifestChannel[];
    time: "event" | "arrival";
    lateness_ms: number;
    rate: "none" | { fixed: { hz: number; tolerance: number; mismatch: "refuse" | "resample" } };
    gap: { max_samples: number; fill: "none" | "hold" | "linear" };
    window: { length_samples: number; stride_samples: number };
    features: string[];
  };
  features: { name: string; version: number }[];
  classes?: string[];
  target?: { name: string; unit?: string };
  threshold?: { raw: number; calibration_windows: number; false_alarm_rate: number };
  baseline: { channels: { min: number; max: number }[] };
  lineage: {
    dataset_version: string;
    estimator: string;
    parameters: Record<string, unknown>;
    split: Record<string, unknown>;
    seed: number;
    training_version: string;
  };
}

/** Samples per second; none for rows and cycles. */
export function rateHz(manifest: Manifest): number | undefined {
  return manifest.pipeline.rate === "none" ? undefined : manifest.pipeline.rate.fixed.hz;
}

/** A number of samples in seconds, where there is a rate. */
export function secondsOf(manifest: Manifest, samples: number): number | undefined {
  const hz = rateHz(manifest);
  return hz === undefined ? undefined : samples / hz;
}
