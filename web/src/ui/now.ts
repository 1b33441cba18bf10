// The present by the trainer's clock, renewed every second, for all places that say how long ago
// something was: this machine's clock may be wrong, and moments come from the trainer.
import { ref } from "vue";

/** A difference up to this, in milliseconds, is the network's and the rounding of the header. */
const SLACK_MS = 2500;

let aheadMs = 0;

/** Milliseconds since 1970. */
export const nowMs = ref(Date.now());

/** Takes note of what the trainer's clock shows. */
export function noteTrainerTime(trainerMs: number): void {
  const ahead = trainerMs - Date.now();
  if (Number.isNaN(ahead) || Math.abs(ahead - aheadMs) < SLACK_MS) return;
  aheadMs = ahead;
  nowMs.value = Date.now() + aheadMs;
}

setInterval(() => (nowMs.value = Date.now() + aheadMs), 1000);
