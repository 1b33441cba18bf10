// A recorder as it stands, asked again each second while it works.
import { onScopeDispose } from "vue";

import { answer, api, type Schemas } from "../api/client";
import { useResource, type Resource } from "../ui/useResource";

const EVERY_MS = 1000;

/** Whether more may come of it. */
export const isAtWork = (recorder: Pick<Schemas["Recorder"], "state">) =>
  recorder.state === "recording" || recorder.state === "keeping";

/** Asks again while `more` says so of what was found; nothing is asked while nobody looks at the page. */
export function useRepeated<T>(ask: () => Promise<T>, more: (found: T) => boolean): Resource<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let disposed = false;
  const resource = useResource(async () => {
    clearTimeout(timer);
    try {
      const found = await ask();
      if (more(found)) again();
      return found;
    } catch (error) {
      // Where something was there before, it is asked for again: the trainer may be back.
      if (resource.data.value !== undefined) again();
      throw error;
    }
  });
  function again() {
    if (disposed) return;
    timer = setTimeout(() => {
      if (document.hidden) again();
      else void resource.reload();
    }, EVERY_MS);
  }
  onScopeDispose(() => {
    disposed = true;
    clearTimeout(timer);
  });
  return resource;
}

/** One recorder. */
export function useRecorder(id: string): Resource<Schemas["Recorder"]> {
  return useRepeated(() => answer(api.GET("/api/data/recorders/{id}", { params: { path: { id } } })), isAtWork);
}

/** All recorders. */
export function useRecorders(): Resource<Schemas["Recorder"][]> {
  return useRepeated(
    async () => (await answer(api.GET("/api/data/recorders"))).items,
    (items) => items.some(isAtWork),
  );
}
