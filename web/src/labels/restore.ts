// Restoring labels as edits: of some recordings, or of all.
import type { Schemas } from "../api/client";

/** Most edits of one change, where the trainer draws the line. */
export const EDITS_MAX = 1000;

/** The edits that make labels what they were in a version; of all recordings where none is named. */
export function restoreEdits(version: number, recordings: readonly string[] | undefined): Schemas["LabelEdit"][] {
  if (!recordings) return [{ edit: "restore", version }];
  return recordings.map((recording) => ({ edit: "restore", version, recording }));
}
