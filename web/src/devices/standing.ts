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

/** What a device said that it serves: a device of protocol version 1 names one model. */
function saidServing(device: Schemas["Device"]): Schemas["Deployed"][] {
  const heartbeat = device.heartbeat;
  const models = heartbeat?.models ?? [];
  return models.length ? models.flatMap((model) => model.serving ?? []) : heartbeat?.serving ? [heartbeat.serving] : [];
}

/** The deployments that a device serves, as far as they came from this trainer, by name of the model. */
export function served(
  device: Schemas["Device"],
  deployments: Iterable<Schemas["Deployment"]>,
): Schemas["Deployment"][] {
  const ids = new Set(saidServing(device).flatMap(({ deployment_id }) => deployment_id ?? []));
  const byId = new Map([...deployments].map((deployment) => [deployment.id, deployment]));
  return [...ids].flatMap((id) => byId.get(id) ?? []).sort((a, b) => a.model.localeCompare(b.model));
}

/** What a device serves that came from elsewhere: the command line, or a bundle that was installed on it. */
export function servedElse(
  device: Schemas["Device"],
  deployments: Iterable<Schemas["Deployment"]>,
): Schemas["Deployed"][] {
  const known = new Set([...deployments].map(({ id }) => id));
  return saidServing(device).filter(({ deployment_id }) => !deployment_id || !known.has(deployment_id));
}

/** Of each name of a model, the newest deployment, unless it was taken away; they come newest first. */
export function desired(deployments: readonly Schemas["Deployment"][]): Schemas["Deployment"][] {
  const names = new Set<string>();
  return deployments.filter(({ model, status }) => {
    const isNewest = !names.has(model);
    names.add(model);
    return isNewest && status !== "withdrawn";
  });
}

/**
 * The deployment to go back to: the newest one of the same name before the present that was in service (so
 * it has the device's proof) with another artifact.
 */
export function servedBefore(
  deployments: readonly Schemas["Deployment"][],
  current: Schemas["Deployment"] | undefined,
): Schemas["Deployment"] | undefined {
  if (!current) return undefined;
  return deployments.find(
    (deployment) =>
      deployment.model === current.model &&
      deployment.created_ms < current.created_ms &&
      deployment.proof != null &&
      deployment.status === "replaced" &&
      deployment.artifact_sha256 !== current.artifact_sha256,
  );
}
