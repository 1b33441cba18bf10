// Whether a device is there, and what it serves.
import { ref } from "vue";

import { answer, api, type Schemas } from "../api/client";

/** A device that was silent for longer is shown as offline, in milliseconds: the trainer says how long. */
export const silenceMsMax = ref(Infinity);

/** Asks the trainer how long a device may be silent. */
export async function learnSilence(): Promise<void> {
  silenceMsMax.value = (await answer(api.GET("/api/health"))).device_silence_ms_max;
}

export type Standing = "online" | "offline" | "waiting";

/** How a device stands at a moment of the trainer's clock. */
export function standing(device: Schemas["Device"], nowMs: number): Standing {
  if (device.seen_ms == null || !device.heartbeat) return "waiting";
  return nowMs - device.seen_ms > silenceMsMax.value ? "offline" : "online";
}

/** The words for it. */
export const STANDING_LABELS: Record<Standing, string> = {
  online: "online",
  offline: "offline",
  waiting: "never heard",
};

/** The deployment that a device serves, as far as it came from this trainer. */
export function served(
  device: Schemas["Device"],
  deployments: Iterable<Schemas["Deployment"]>,
): Schemas["Deployment"] | undefined {
  const id = device.heartbeat?.serving?.deployment_id;
  if (!id) return undefined;
  for (const deployment of deployments) if (deployment.id === id) return deployment;
  return undefined;
}

/**
 * The deployment to go back to: the newest one before the present that was in service (so it has the
 * device's proof) with another artifact.
 */
export function servedBefore(
  deployments: readonly Schemas["Deployment"][],
  current: Schemas["Deployment"] | undefined,
): Schemas["Deployment"] | undefined {
  if (!current) return undefined;
  return deployments.find(
    (deployment) =>
      deployment.created_ms < current.created_ms &&
      deployment.proof != null &&
      deployment.status === "replaced" &&
      deployment.artifact_sha256 !== current.artifact_sha256,
  );
}
