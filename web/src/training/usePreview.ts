// What the form's settings come to: asked again a little after they change, the last question wins.
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";

import { answer, api, type Schemas } from "../api/client";
import { ApiProblem } from "../api/problem";

const PAUSE_MS = 300;

export interface PreviewResource {
  data: ShallowRef<Schemas["Preview"] | undefined>;
  problem: ShallowRef<ApiProblem | undefined>;
  /** True from a change until what it comes to is there. */
  stale: Ref<boolean>;
  reload: () => void;
}

/** Follows `request`; there is nothing to ask while it is undefined. */
export function usePreview(request: () => Schemas["PreviewRequest"] | undefined): PreviewResource {
  const data = shallowRef<Schemas["Preview"]>();
  const problem = shallowRef<ApiProblem>();
  const stale = ref(true);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let flying: AbortController | undefined;

  const ask = async () => {
    const body = request();
    flying?.abort();
    if (!body) return;
    const mine = (flying = new AbortController());
    try {
      const found = await answer(api.POST("/api/features/pipelines/preview", { body, signal: mine.signal }));
      if (mine.signal.aborted) return;
      data.value = found;
      problem.value = undefined;
    } catch (error) {
      if (mine.signal.aborted) return;
      problem.value = ApiProblem.from(error);
    }
    stale.value = false;
  };
  const soon = (pauseMs: number) => {
    stale.value = true;
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), pauseMs);
  };

  watch(
    () => JSON.stringify(request()),
    (_, before) => soon(before === undefined ? 0 : PAUSE_MS),
    { immediate: true },
  );
  onScopeDispose(() => {
    clearTimeout(timer);
    flying?.abort();
  });
  return { data, problem, stale, reload: () => soon(0) };
}
