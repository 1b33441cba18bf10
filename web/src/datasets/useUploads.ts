// The files of an import on their way to the trainer: a few at once; what is up stays up.
import { computed, onScopeDispose, shallowReactive, shallowRef, triggerRef } from "vue";

import { answer, api, type Schemas } from "../api/client";
import { ApiProblem } from "../api/problem";
import { sorted, type Picked } from "./picked";
import { send } from "./upload";

/** Files that are sent at once. */
const AT_ONCE = 4;
const ABORT = "AbortError";

/** One file. */
export interface Sending {
  name: string;
  size_bytes: number;
  /** Missing for what was uploaded earlier. */
  file?: File;
  upload?: Schemas["Upload"];
  state: "waiting" | "sending" | "there" | "failed";
  problem?: ApiProblem;
}

export type Uploads = ReturnType<typeof useUploads>;

export function useUploads() {
  const files = shallowRef<Sending[]>([]);
  const left = shallowRef<{ name: string; reason: string }[]>([]);
  const running = shallowReactive(new Set<Sending>());
  let stop = new AbortController();
  let halted = false;
  onScopeDispose(() => stop.abort());

  async function sendOne(sending: Sending) {
    if (!sending.file) return;
    sending.state = "sending";
    running.add(sending);
    try {
      const each = (upload: Schemas["Upload"]) => {
        sending.upload = upload;
        triggerRef(files);
      };
      await send(sending.name, sending.file, sending.upload, each, stop.signal);
      sending.state = "there";
      delete sending.problem;
    } catch (error) {
      const aborted = error instanceof DOMException && error.name === ABORT;
      sending.state = aborted ? "waiting" : "failed";
      if (!aborted) sending.problem = ApiProblem.from(error);
    }
    running.delete(sending);
    triggerRef(files);
    next();
  }

  function next() {
    if (halted) return;
    for (const sending of files.value) {
      if (running.size >= AT_ONCE) return;
      if (sending.state === "waiting") void sendOne(sending);
    }
  }

  const total = (size: (sending: Sending) => number) => files.value.reduce((sum, one) => sum + size(one), 0);

  return {
    files,
    /** Files that were not taken, with the reason. */
    left,
    busy: computed(() => running.size > 0),
    failed: computed(() => files.value.filter((one) => one.state === "failed")),
    unfinished: computed(() => files.value.filter((one) => one.state !== "there")),
    /** Uploads that are complete. */
    ids: computed(() => files.value.flatMap((one) => (one.state === "there" && one.upload ? [one.upload.id] : []))),
    total_bytes: computed(() => total((one) => one.size_bytes)),
    sent_bytes: computed(() => total((one) => one.upload?.received_bytes ?? 0)),
    /** Takes files and begins to send them. */
    add(picked: Picked[]) {
      const { taken, left: more } = sorted(picked, new Set(files.value.map((one) => one.name)));
      left.value = more;
      const fresh = taken.map<Sending>(({ name, file }) => ({ name, file, size_bytes: file.size, state: "waiting" }));
      files.value = [...files.value, ...fresh];
      halted = false;
      next();
    },
    /** Takes uploads that are complete already. */
    adopt(uploads: Schemas["Upload"][]) {
      const names = new Set(files.value.map((one) => one.name));
      const fresh = uploads.filter((upload) => upload.complete && !names.has(upload.name));
      files.value = [
        ...files.value,
        ...fresh.map<Sending>((upload) => ({
          name: upload.name,
          size_bytes: upload.size_bytes,
          upload,
          state: "there",
        })),
      ];
    },
    /** Sends what failed or was cancelled again, from where it ended. */
    goOn() {
      for (const sending of files.value) if (sending.state === "failed") sending.state = "waiting";
      if (stop.signal.aborted) stop = new AbortController();
      halted = false;
      triggerRef(files);
      next();
    },
    /** Stops sending; what is up stays up. */
    cancel() {
      halted = true;
      stop.abort();
      stop = new AbortController();
    },
    /** Leaves out what is not up. */
    dropUnfinished() {
      const dropped = files.value.filter((one) => one.state !== "there" && one.upload);
      files.value = files.value.filter((one) => one.state === "there");
      void remove(dropped);
    },
    /** Forgets all files and takes them off the trainer. */
    async clear() {
      halted = true;
      stop.abort();
      stop = new AbortController();
      const gone = files.value;
      [files.value, left.value] = [[], []];
      await remove(gone);
    },
  };
}

/** Takes uploads off the trainer. One that is gone already is as good. */
async function remove(sendings: Sending[]): Promise<void> {
  for (const { upload } of sendings) {
    if (!upload) continue;
    try {
      await answer(api.DELETE("/api/data/uploads/{id}", { params: { path: { id: upload.id } } }));
    } catch (error) {
      if (ApiProblem.from(error).status !== 404) return;
    }
  }
}
