// A proof as docs and engine have it: who checked an artifact's answers, and what was found.

export interface OutputDifference {
  output: string;
  windows: number;
  absolute_max: number;
  beyond_tolerance: number;
}

export interface Differences {
  outputs: OutputDifference[];
  class_changes: number;
  explained: number;
  unexplained: number;
}

export interface Judge {
  engine: string;
  version: string;
  arch: string;
  golden: Differences;
  held_out: Differences;
  latency?: { windows: number; p50_us: number; p99_us: number } | null;
  passed: boolean;
}

export interface Proof {
  golden_windows: number;
  held_out_windows: number;
  judges: Judge[];
  passed: boolean;
}

const ENGINES: Record<string, string> = { native: "CiRA ME (native)", tract: "tract", ort: "ONNX Runtime" };

/** An engine's name for people. */
export function engineName(engine: string): string {
  return ENGINES[engine] ?? engine;
}

/** The output whose answers lay furthest apart; none where no window was compared. */
export function furthest({ outputs }: Differences): OutputDifference | undefined {
  const compared = outputs.filter(({ windows }) => windows > 0);
  return compared.reduce<OutputDifference | undefined>(
    (most, output) => (most === undefined || output.absolute_max > most.absolute_max ? output : most),
    undefined,
  );
}
