// One file on its way to the trainer, in parts; a part that fails is sent again from where the trainer
// says that the file ends.
import { answer, api, type Schemas } from "../api/client";
import { ApiProblem } from "../api/problem";

/** Bytes of a part. */
export const PART_BYTES = 4 << 20;
/** How often in a row a part may fail. */
const ATTEMPTS_MAX = 4;
const PAUSE_MS = 500;

/** What an upload needs of the trainer; tests bring their own. */
export interface Trainer {
  begin: (name: string, size_bytes: number) => Promise<Schemas["Upload"]>;
  look: (id: string) => Promise<Schemas["Upload"]>;
  append: (id: string, offset: number, part: Blob, signal: AbortSignal) => Promise<Schemas["Upload"]>;
  pause: (ms: number) => Promise<void>;
}

export const trainer: Trainer = {
  begin: (name, size_bytes) => answer(api.POST("/api/data/uploads", { body: { name, size_bytes } })),
  look: (id) => answer(api.GET("/api/data/uploads/{id}", { params: { path: { id } } })),
  append: (id, offset, part, signal) =>
    answer(
      api.PATCH("/api/data/uploads/{id}", {
        params: { path: { id }, header: { "Upload-Offset": offset } },
        // The bytes as they are, not as JSON.
        body: part as unknown as never,
        bodySerializer: (body) => body,
        headers: { "content-type": "application/octet-stream" },
        signal,
      }),
    ),
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** Whether sending a part again can help. */
function passes(problem: ApiProblem): boolean {
  const { code, status } = problem;
  return code === "unreachable" || status === 408 || status === 409 || status === 429 || status >= 500;
}

/**
 * Sends a file, or what is missing of it where `upload` was begun before; `each` sees how far it is.
 * Throws what the trainer refused, or what kept failing.
 */
export async function send(
  name: string,
  file: Blob,
  upload: Schemas["Upload"] | undefined,
  each: (upload: Schemas["Upload"]) => void,
  signal: AbortSignal,
  to: Trainer = trainer,
): Promise<Schemas["Upload"]> {
  let there = upload ? await to.look(upload.id) : await to.begin(name, file.size);
  each(there);
  let failures = 0;
  while (!there.complete) {
    signal.throwIfAborted();
    const offset = there.received_bytes;
    try {
      there = await to.append(there.id, offset, file.slice(offset, offset + PART_BYTES), signal);
      failures = 0;
    } catch (error) {
      signal.throwIfAborted();
      const problem = ApiProblem.from(error);
      failures += 1;
      if (!passes(problem) || failures >= ATTEMPTS_MAX) throw problem;
      await to.pause(PAUSE_MS * 2 ** failures);
      // What has arrived of it, if anything, is what counts. No answer to this is a failure as well.
      there = await to.look(there.id).catch((again: unknown) => {
        if (!passes(ApiProblem.from(again))) throw ApiProblem.from(again);
        return there;
      });
    }
    each(there);
  }
  return there;
}
