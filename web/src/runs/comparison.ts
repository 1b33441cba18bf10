// Whether two runs can be compared, and which one is better by a figure.
import type { Schemas } from "../api/client";

type Run = Schemas["Run"];

/** Why the figures of two runs do not stand against each other; undefined where they do. */
export function incomparable(a: Run, b: Run): string | undefined {
  if (!a.report || !b.report) return "Only runs that have succeeded have figures.";
  if (a.report.task !== b.report.task)
    return `One answers a ${a.report.task} question, the other a ${b.report.task} question.`;
  if (a.report.dataset_version !== b.report.dataset_version)
    return `They were made from different data: ${a.dataset} version ${a.dataset_version} and ${b.dataset} version ${b.dataset_version}.`;
  if (!a.report.split?.length || !b.report.split?.length)
    return "What one of them was tested on is not known: it was made before the split was kept.";
  if (tested(a.report) !== tested(b.report)) return "They were tested on different windows.";
  return undefined;
}

/** The stretches that were tested on, as text. */
function tested(report: Schemas["RunReport"]): string {
  const stretches = (report.split ?? []).flatMap(({ recording_id: id, parts }) =>
    parts.filter(({ part }) => part === "test").map((span) => `${id}:${span.from_row}-${span.to_row}/${span.windows}`),
  );
  return stretches.sort().join(" ");
}

/** A figure of both runs. */
export interface FigurePair {
  name: string;
  doc: string;
  unit: string | null;
  better: Schemas["Figure"]["better"];
  a: Schemas["Figure"] | undefined;
  b: Schemas["Figure"] | undefined;
  /** Which one is better; undefined where one lacks the figure. */
  winner: "a" | "b" | "equal" | undefined;
}

/** The figures of both runs, in the first one's order. */
export function figurePairs(a: Run, b: Run): FigurePair[] {
  const names = [...new Set([...a.figures, ...b.figures].map(({ name }) => name))];
  return names.flatMap((name) => {
    const [of_a, of_b] = [a, b].map((run) => run.figures.find((figure) => figure.name === name));
    const either = of_a ?? of_b;
    if (!either) return [];
    const { doc, better, unit } = either;
    return [{ name, doc, better, unit: unit ?? null, a: of_a, b: of_b, winner: winner(of_a, of_b) }];
  });
}

function winner(a: Schemas["Figure"] | undefined, b: Schemas["Figure"] | undefined): FigurePair["winner"] {
  if (!a || !b || a.better !== b.better || a.unit !== b.unit) return undefined;
  if (a.value === b.value) return "equal";
  return a.value > b.value === (a.better === "higher") ? "a" : "b";
}
