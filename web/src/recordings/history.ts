// Undo and redo: the states that were, bounded.
import { computed, shallowRef, type ComputedRef, type ShallowRef } from "vue";

/** Most steps that can be undone. */
export const STEPS_MAX = 500;

export interface History<T> {
  current: Readonly<ShallowRef<T>>;
  undoable: ComputedRef<boolean>;
  redoable: ComputedRef<boolean>;
  /** Takes a new state; what was undone before is gone. */
  push: (next: T) => void;
  undo: () => void;
  redo: () => void;
  /** Begins anew. */
  reset: (start: T) => void;
}

export function useHistory<T>(start: T): History<T> {
  const current = shallowRef(start);
  const past = shallowRef<T[]>([]);
  const future = shallowRef<T[]>([]);
  return {
    current,
    undoable: computed(() => past.value.length > 0),
    redoable: computed(() => future.value.length > 0),
    push(next) {
      past.value = [...past.value, current.value].slice(-STEPS_MAX);
      future.value = [];
      current.value = next;
    },
    undo() {
      const previous = past.value.at(-1);
      if (previous === undefined) return;
      future.value = [...future.value, current.value];
      past.value = past.value.slice(0, -1);
      current.value = previous;
    },
    redo() {
      const next = future.value.at(-1);
      if (next === undefined) return;
      past.value = [...past.value, current.value];
      future.value = future.value.slice(0, -1);
      current.value = next;
    },
    reset(fresh) {
      [past.value, future.value, current.value] = [[], [], fresh];
    },
  };
}
