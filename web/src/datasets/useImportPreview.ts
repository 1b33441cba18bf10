// What an import would find: asked again with each change, a little later; what is there stays until then.
import { onScopeDispose, ref, shallowRef } from "vue";

import { answer, api, type Schemas } from "../api/client";
import { ApiProblem } from "../api/problem";
import type { Settings } from "./roles";

const PAUSE_MS = 300;

/** How a choice changes the options; several may come before anything is shown again. */
export type Change = (settings: Settings) => Settings;

/** The files of an import. */
export interface Chosen {
  uploads: string[];
  sources: string[];
}

export function useImportPreview(dataset: () => string, chosen: () => Chosen) {
  const preview = shallowRef<Schemas["ImportPreview"]>();
  const problem = shallowRef<ApiProblem>();
  const busy = ref(false);
  /** What the user said; the trainer completes it by what it proposes. */
  const settings = shallowRef<Partial<Settings>>({});
  /** Options for which nothing is to be proposed any more. */
  let decided = new Set<keyof Settings>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let flying: AbortController | undefined;

  async function ask() {
    flying?.abort();
    const mine = (flying = new AbortController());
    const request = { ...chosen(), options: settings.value as Settings, decided: [...decided] };
    try {
      const found = await answer(
        api.POST("/api/data/datasets/{name}/imports/preview", {
          params: { path: { name: dataset() } },
          body: request,
          signal: mine.signal,
        }),
      );
      if (mine.signal.aborted) return;
      [preview.value, problem.value, settings.value] = [found, undefined, found.options];
    } catch (error) {
      if (mine.signal.aborted) return;
      problem.value = ApiProblem.from(error);
    }
    busy.value = false;
  }

  function later(pause = PAUSE_MS) {
    clearTimeout(timer);
    flying?.abort();
    busy.value = true;
    timer = setTimeout(() => void ask(), pause);
  }

  function stop() {
    clearTimeout(timer);
    flying?.abort();
    busy.value = false;
  }
  onScopeDispose(stop);

  return {
    preview,
    problem,
    busy,
    settings,
    ask: () => later(0),
    /** Takes changed options and looks again. */
    change(update: Change) {
      const next = update(settings.value as Settings);
      decided = decidedBy(settings.value, next, decided);
      settings.value = next;
      later();
    },
    /** Forgets what was found and said. */
    reset() {
      stop();
      [preview.value, problem.value, settings.value] = [undefined, undefined, {}];
      decided = new Set();
    },
  };
}

/** What a user has decided once `before` was changed to `after`. */
export function decidedBy(
  before: Partial<Settings>,
  after: Partial<Settings>,
  decided: ReadonlySet<keyof Settings>,
): Set<keyof Settings> {
  const next = new Set(decided);
  for (const field of Object.keys(after) as (keyof Settings)[]) {
    if (JSON.stringify(before[field]) === JSON.stringify(after[field])) continue;
    // These two have to say something: emptied, they are open again.
    if (after[field] === null && (field === "time_unit" || field === "label_from")) next.delete(field);
    else next.add(field);
  }
  return next;
}
