// The pipeline as the trainer decided it: what a preview and a run's report have of it.
import type { Schemas } from "../api/client";

/** What the console shows of a pipeline in which nothing is open. */
export interface DecidedPipeline {
  channels: { name: string; unit?: string | null }[];
  rateHz: number | undefined;
  lengthSamples: number;
  strideSamples: number;
  features: string[];
  gap: Schemas["Gap"];
}

interface Written {
  channels: { name: string; unit?: string | null }[];
  rate: "none" | { fixed: { hz: number } };
  window: { length_samples: number; stride_samples: number };
  features: string[];
  gap?: Schemas["Gap"];
}

/** Reads a pipeline's JSON. */
export function decidedPipeline(pipeline: Record<string, unknown>): DecidedPipeline {
  const written = pipeline as unknown as Written;
  return {
    channels: written.channels,
    rateHz: written.rate === "none" ? undefined : written.rate.fixed.hz,
    lengthSamples: written.window.length_samples,
    strideSamples: written.window.stride_samples,
    features: written.features,
    gap: written.gap ?? {},
  };
}
