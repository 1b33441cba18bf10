// Keys by which the trainer knows a request that is sent again, so that one run comes of it.
let last: { body: string; key: string } | undefined;

const KEPT_MS = 60_000;
let madeMs = 0;

/** A key for this request; the same one for the same request within a minute: a second click, a lost answer. */
export function attemptKey(request: unknown, nowMs = Date.now()): string {
  const body = JSON.stringify(request);
  if (last?.body === body && nowMs - madeMs < KEPT_MS) return last.key;
  // Not crypto.randomUUID: browsers have it over HTTPS and on this machine alone.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const key = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  last = { body, key };
  madeMs = nowMs;
  return key;
}
