// Whether a device is there, and what it can go back to.
import { expect, it } from "vitest";

import type { Schemas } from "../api/client";
import { desired, served, servedBefore, servedElse, silenceMsMax, standing } from "./standing";

const device = (more: object) => ({ seen_ms: 100_000, heartbeat: {}, ...more }) as Schemas["Device"];
const deployment = (id: string, created_ms: number, more: object = {}) =>
  ({
    id,
    model: "pump",
    created_ms,
    status: "replaced",
    proof: {},
    artifact_sha256: id,
    ...more,
  }) as Schemas["Deployment"];

it("takes a device for offline once it has been silent for longer than the trainer says", () => {
  silenceMsMax.value = 30_000;
  expect(standing(device({}), 101_000)).toBe("online");
  expect(standing(device({}), 140_000)).toBe("offline");
  expect(standing(device({ seen_ms: null, heartbeat: null }), 101_000)).toBe("waiting");
});

it("finds what a device serves by the deployments that it names", () => {
  const fan = deployment("f", 3, { model: "fan" });
  const all = [fan, deployment("b", 2), deployment("a", 1)];
  const deployed = (id: string | null) => ({ artifact_sha256: "x", deployment_id: id });
  const models = [
    { model: "pump", serving: deployed("b") },
    { model: "fan", serving: deployed("f") },
    { model: "own", serving: deployed(null) },
    { model: "brought", serving: deployed("installed-1") },
    { model: "none" },
  ];
  const several = device({ heartbeat: { models } });
  expect(served(several, all).map(({ id }) => id)).toEqual(["f", "b"]);
  expect(servedElse(several, all).map(({ deployment_id }) => deployment_id)).toEqual([null, "installed-1"]);
  const before = device({ heartbeat: { serving: deployed("b") } });
  expect(served(before, all).map(({ id }) => id)).toEqual(["b"]);
  expect(served(device({}), all)).toEqual([]);
});

it("takes the newest deployment of each name for desired, unless it was taken away", () => {
  const all = [
    deployment("d", 4, { status: "serving" }),
    deployment("c", 3, { model: "fan", status: "withdrawn" }),
    deployment("b", 2, { model: "fan" }),
    deployment("a", 1),
  ];
  expect(desired(all).map(({ id }) => id)).toEqual(["d"]);
});

it("goes back to the newest version before that was in service, never to the same artifact", () => {
  const current = deployment("d", 4, { status: "serving", artifact_sha256: "c" });
  const other = deployment("fan", 3.5, { model: "fan" });
  const all = [current, other, deployment("c", 3), deployment("never", 2.5, { proof: null }), deployment("b", 2)];
  expect(servedBefore(all, current)?.id).toBe("b");
  expect(servedBefore([current], current)).toBeUndefined();
  expect(servedBefore(all, undefined)).toBeUndefined();
});
