// The kinds of steps, read once from the API's document.
import { answer } from "../api/client";
import { stepKinds, type ApiDocument, type StepKind } from "./steps";

let known: Promise<StepKind[]> | undefined;

/** The kinds of steps that the trainer carries out. */
export function askStepKinds(): Promise<StepKind[]> {
  const ask = async () => {
    const response = await fetch("/api/openapi.json");
    const body: unknown = await response.json().catch(() => undefined);
    return response.ok ? { response, data: body as ApiDocument } : { response, error: body };
  };
  known ??= answer(ask())
    .then(stepKinds)
    .catch((error: unknown) => {
      // It is asked again then.
      known = undefined;
      throw error;
    });
  return known;
}
