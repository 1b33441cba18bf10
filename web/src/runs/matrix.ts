// A run's confusion matrix: rows are true classes, columns the model's answers.
import type { Schemas } from "../api/client";

export interface Matrix {
  classes: readonly string[];
  counts: readonly (readonly number[])[];
}

/** The matrix of a classifier or of a detector; none where nothing is known about the test windows. */
export function matrixOf(report: Schemas["RunReport"]): Matrix | undefined {
  const model = report.evaluation?.model;
  if (model?.task === "classification") return { classes: report.classes, counts: model.confusion };
  if (model?.task !== "anomaly") return undefined;
  return {
    classes: ["anomaly", "normal"],
    counts: [
      [model.true_positives, model.false_negatives],
      [model.false_positives, model.true_negatives],
    ],
  };
}
