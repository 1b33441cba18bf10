// The labels that are being edited: painting with undo, and saving as a new version of the dataset.
import { computed, shallowRef } from "vue";

import { answer, api, type Schemas } from "../api/client";
import { useAction } from "../ui/useResource";
import { useHistory } from "./history";
import { paint, same, spanAt, type Range, type Span } from "./labels";

export type Labels = ReturnType<typeof useLabels>;

export function useLabels(recording: Pick<Schemas["RecordingPlace"], "recording_id" | "rows" | "labels">) {
  const saved = shallowRef<readonly Span[]>(recording.labels);
  const history = useHistory<readonly Span[]>(recording.labels);
  const version = shallowRef<Schemas["NewVersion"]>();
  const changed = computed(() => !same(saved.value, history.current.value));

  function change(range: Range, name: string | null) {
    const next = paint(history.current.value, range, name, recording.rows);
    if (!same(next, history.current.value)) history.push(next);
  }

  const save = useAction(async () => {
    const labels = [...history.current.value];
    const path = { id: recording.recording_id };
    const made = await answer(api.PUT("/api/data/recordings/{id}/labels", { params: { path }, body: { labels } }));
    [saved.value, version.value] = [labels, made];
  });

  return {
    spans: history.current,
    undoable: history.undoable,
    redoable: history.redoable,
    undo: history.undo,
    redo: history.redo,
    changed,
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
    /** Back to what is saved; can be undone. */
    discard() {
      if (changed.value) history.push(saved.value);
    },
  };
}
