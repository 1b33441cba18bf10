// What a page shows of the API: content, a refusal, or that it is on its way.
import { ref, shallowRef, watch, type Ref, type ShallowRef, type WatchSource } from "vue";

import { ApiProblem } from "../api/problem";

/** Something that was asked for. */
export interface Resource<T> {
  data: ShallowRef<T | undefined>;
  problem: ShallowRef<ApiProblem | undefined>;
  loading: Ref<boolean>;
  reload: () => Promise<void>;
}

/**
 * Asks now, and again whenever `sources` change; an answer that was overtaken is dropped. Content
 * stays while it is renewed.
 */
export function useResource<T>(ask: () => Promise<T>, sources: WatchSource[] = []): Resource<T> {
  const data = shallowRef<T>();
  const problem = shallowRef<ApiProblem>();
  const loading = ref(true);
  let newest = 0;
  const reload = async () => {
    const mine = ++newest;
    loading.value = true;
    try {
      const found = await ask();
      if (mine !== newest) return;
      data.value = found;
      problem.value = undefined;
    } catch (error) {
      if (mine !== newest) return;
      problem.value = ApiProblem.from(error);
    } finally {
      if (mine === newest) loading.value = false;
    }
  };
  if (sources.length > 0) {
    watch(sources, () => {
      data.value = undefined;
      void reload();
    });
  }
  void reload();
  return { data, problem, loading, reload };
}

/** An action that a person starts: whether it runs, and why it was refused. */
export function useAction<A extends unknown[]>(act: (...args: A) => Promise<void>) {
  const problem = shallowRef<ApiProblem>();
  const busy = ref(false);
  const run = async (...args: A): Promise<boolean> => {
    if (busy.value) return false;
    busy.value = true;
    problem.value = undefined;
    try {
      await act(...args);
      return true;
    } catch (error) {
      problem.value = ApiProblem.from(error);
      return false;
    } finally {
      busy.value = false;
    }
  };
  return { run, busy, problem };
}
