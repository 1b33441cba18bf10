// The result of an import job, which the API gives as an object; what is not there is left out.

/** One recording that came in. */
export interface ImportedRecording {
  recording: string;
  rows: number;
  rate_hz: number | null;
  channels: string[];
  classes: string[];
  missing_values: number;
  timing: Timing | null;
  notes: string[];
}

/** What its times look like. */
export interface Timing {
  interval_median_ns: number;
  interval_min_ns: number;
  interval_max_ns: number;
  gaps: number;
  duplicates: number;
  out_of_order: number;
}

export interface ImportResult {
  dataset: string;
  version: number;
  /** False where everything was there already. */
  changed: boolean;
  recordings: number;
  imported: ImportedRecording[];
  skipped: { file: string; reason: string }[];
}

/** Of a job's result. */
export function importResult(result: unknown): ImportResult | undefined {
  const found = result as Partial<ImportResult> | null | undefined;
  const whole = typeof found?.dataset === "string" && Array.isArray(found.imported) && Array.isArray(found.skipped);
  return whole ? (found as ImportResult) : undefined;
}

/** What one should know about a recording's times and values, in short words. */
export function remarks(recording: ImportedRecording): string[] {
  const { timing, missing_values, notes } = recording;
  const said: string[] = [];
  const add = (count: number | undefined, one: string, many: string) => {
    if (count) said.push(`${count.toLocaleString("en-US")} ${count === 1 ? one : many}`);
  };
  add(missing_values, "missing value", "missing values");
  add(timing?.gaps, "gap", "gaps");
  add(timing?.duplicates, "row with the time of the row before", "rows with the time of the row before");
  add(timing?.out_of_order, "row out of order", "rows out of order");
  return [...said, ...notes];
}
