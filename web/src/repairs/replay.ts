// Making a recording again from what it was made of.
import { answer, api, type Schemas } from "../api/client";

/** Makes it again, and compares. */
export function replay(id: string): Promise<Schemas["Replayed"]> {
  return answer(api.POST("/api/data/recordings/{id}/replay", { params: { path: { id } } }));
}

/** What came of it, as a state and in words. */
export function replayText(replayed: Schemas["Replayed"]): { status: "passed" | "failed"; text: string } {
  const said = [replayed.same ? "the same, byte by byte" : "other samples than the version lists"];
  if (replayed.restored) said.push("its file was missing, and is there again");
  if (replayed.same && !replayed.same_labels) said.push("labels or tags were changed since");
  return { status: replayed.same ? "passed" : "failed", text: said.join("; ") };
}
