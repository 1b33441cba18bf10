// Whether a device is there, and what it can go back to.
import { expect, it } from "vitest";

import type { Schemas } from "../api/client";
import { served, servedBefore, silenceMsMax, standing } from "./standing";

const device = (more: object) => ({ seen_ms: 100_000, heartbeat: {}, ...more }) as Schemas["Device"];
const deployment = (id: string, created_ms: number, more: object = {}) =>
  ({ id, created_ms, status: "replaced", proof: {}, artifact_sha256: id, ...more }) as Schemas["Deployment"];

it("takes a device for offline once it has been silent for longer than the trainer says", () => {
  silenceMsMax.value = 30_000;
  expect(standing(device({}), 101_000)).toBe("online");
  expect(standing(device({}), 140_000)).toBe("offline");
  expect(standing(device({ seen_ms: null, heartbeat: null }), 101_000)).toBe("waiting");
});

it("finds what a device serves by the deployment that it names", () => {
  const serving = device({ heartbeat: { serving: { deployment_id: "b", artifact_sha256: "" } } });
  expect(served(serving, [deployment("a", 1), deployment("b", 2)])?.id).toBe("b");
  expect(served(device({}), [deployment("a", 1)])).toBeUndefined();
});

it("goes back to the newest version before that was in service, never to the same artifact", () => {
  const current = deployment("d", 4, { status: "serving", artifact_sha256: "c" });
  const all = [current, deployment("c", 3), deployment("never", 2.5, { proof: null }), deployment("b", 2)];
  expect(servedBefore(all, current)?.id).toBe("b");
  expect(servedBefore([current], current)).toBeUndefined();
  expect(servedBefore(all, undefined)).toBeUndefined();
});
