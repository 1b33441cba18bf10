// The labels that are being edited: painting with undo, and saving as a new version of the dataset.
import { computed, ref, shallowRef } from "vue";

import { answer, api, type Schemas } from "../api/client";
import { spansOf, type LabelSet } from "../labels/sets";
import { useAction } from "../ui/useResource";
import { useHistory } from "./history";
import { merge, paint, same, spanAt, split, type Range, type Span } from "./labels";

export type Labels = ReturnType<typeof useLabels>;

type Labelled = Pick<Schemas["RecordingPlace"], "name" | "dataset" | "rows" | "labels" | "label_sets">;

/** Of a recording, in one of its label sets. */
export function useLabels(recording: Labelled, set: LabelSet) {
  const saved = shallowRef<readonly Span[]>(spansOf(recording, set));
  const history = useHistory<readonly Span[]>(saved.value);
  const version = shallowRef<Schemas["NewVersion"]>();
  /** Why, for the history of the dataset's labels. */
  const comment = ref("");
  const changed = computed(() => !same(saved.value, history.current.value));

  function become(next: readonly Span[] | undefined) {
    if (next && !same(next, history.current.value)) history.push(next);
  }
  const change = (range: Range, name: string | null) =>
    become(paint(history.current.value, range, name, recording.rows));

  const save = useAction(async () => {
    const labels = [...history.current.value];
    const edit = { edit: "replace" as const, recording: recording.name, labels };
    const body = { label_set: set, edits: [edit], comment: comment.value.trim() || null };
    const path = { name: recording.dataset };
    const made = await answer(api.POST("/api/data/datasets/{name}/labels/changes", { params: { path }, body }));
    [saved.value, version.value, comment.value] = [labels, made, ""];
  });

  return {
    spans: history.current,
    undoable: history.undoable,
    redoable: history.redoable,
    undo: history.undo,
    redo: history.redo,
    changed,
    comment,
    /** The version that the last saving made. */
    version,
    save,
    /** Gives this class to these rows, or none. */
    paint: change,
    /** Takes the label at this row away. */
    eraseAt(row: number) {
      const span = history.current.value[spanAt(history.current.value, row)];
      if (span) change({ from: span.from_row, to: span.to_row }, null);
    },
    /** Makes two labels of the one at this row, which begins the second. */
    split: (row: number) => become(split(history.current.value, row)),
    /** Makes one label of those of one class that these rows touch. */
    merge: (range: Range) => become(merge(history.current.value, range)),
    /** Back to what is saved; can be undone. */
    discard() {
      if (changed.value) history.push(saved.value);
    },
  };
}
