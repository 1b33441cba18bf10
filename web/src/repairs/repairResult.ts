// The result of a repair job, which the API gives as an object.

/** What came of a repair. */
export interface RepairResult {
  dataset: string;
  version: number;
  /** False where the version was there already. */
  changed: boolean;
  /** Names of what was made. */
  recordings: string[];
  /** What was found on the way: rows kept, values filled. */
  notes: string[];
}

/** Of a job's result. */
export function repairResult(result: unknown): RepairResult | undefined {
  const found = result as Partial<RepairResult> | null | undefined;
  const whole = typeof found?.dataset === "string" && Array.isArray(found.recordings) && Array.isArray(found.notes);
  return whole ? (found as RepairResult) : undefined;
}
