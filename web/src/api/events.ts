// Server-sent events: a stream of named events, each with JSON, reconnected by the browser.
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";

import { answer, api, type Schemas } from "./client";
import { ApiProblem } from "./problem";

/** Handlers by the event's name. */
export type Handlers = Record<string, (data: never) => void>;

/** Time until a refused stream is asked for again, in milliseconds. */
const AGAIN_MS = 3000;

/** Why a stream was refused: the browser's EventSource does not tell. */
async function refusal(url: string): Promise<ApiProblem | undefined> {
  const enough = new AbortController();
  const ask = async () => {
    const response = await fetch(url, { signal: enough.signal });
    return response.ok ? { response } : { response, error: (await response.json().catch(() => undefined)) as unknown };
  };
  try {
    await answer(ask());
    return undefined;
  } catch (error) {
    return ApiProblem.from(error);
  } finally {
    enough.abort();
  }
}

/**
 * Listens until the scope ends or `close` is called; `connected` says whether events can come,
 * `problem` why they were refused.
 */
export function useEvents(
  url: string,
  handlers: Handlers,
): { connected: Ref<boolean>; problem: ShallowRef<ApiProblem | undefined>; close: () => void } {
  const connected = ref(false);
  const problem = shallowRef<ApiProblem>();
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;
  const refused = async () => {
    problem.value = await refusal(url);
    if (!closed) timer = setTimeout(open, AGAIN_MS);
  };
  const open = () => {
    source = new EventSource(url);
    source.onopen = () => {
      connected.value = true;
      problem.value = undefined;
    };
    source.onerror = () => {
      connected.value = false;
      // After a lost connection the browser tries again by itself, after a refusal it does not.
      if (source.readyState === EventSource.CLOSED && !closed) void refused();
    };
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => handle(JSON.parse(event.data as string) as never));
    }
  };
  const close = () => {
    closed = true;
    clearTimeout(timer);
    source.close();
    connected.value = false;
  };
  open();
  onScopeDispose(close);
  return { connected, problem, close };
}

/** Follows a job until it ends; the last view has its outcome. */
export function useJob(id: string, each: (job: Schemas["JobView"]) => void): { close: () => void } {
  const ended = (job: Schemas["JobView"]) => job.finished_ms != null;
  const { close } = useEvents(`/api/jobs/${encodeURIComponent(id)}/events`, {
    job: (job: Schemas["JobView"]) => {
      each(job);
      if (ended(job)) close();
    },
  });
  return { close };
}

/** Ends a job early. */
export function cancelJob(id: string): Promise<unknown> {
  return answer(api.POST("/api/jobs/{id}/cancel", { params: { path: { id } } }));
}
