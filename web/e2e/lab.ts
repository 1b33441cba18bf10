// What all journeys share: the real trainer with its broker and console, an edge, a simulated
// machine, two datasets, three models. Started once, before the first journey. `CONSOLE=URL` and
// `PASSWORD=…` name a system that runs already instead, such as one in containers; there, a device is
// enrolled and a machine sends as `pump-1`, and the journey `journey` can be gone.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";

import { Client, type Access, type Schemas } from "./client";
import { Program } from "./program";

const PROGRAMS = resolve(process.env.PROGRAMS ?? "../target/debug");

/** What journeys know of the lab. */
export interface Lab extends Access {
  /** The programs' folder. */
  programs: string;
  /** A folder for files that journeys make. */
  folder: string;
  device: string;
  /** The device's name. */
  deviceName: string;
  /** Runs: two classifiers and a monitor on `pump`, a regression on `plant`. The model `pump` has two versions. */
  runs: { classification: string; again: string; anomaly: string; regression: string };
}

declare module "vitest" {
  interface ProvidedContext {
    lab: Lab;
  }
}

const TRAINER = join(PROGRAMS, "cirame-trainer");

/** Simulated recordings as CSV files. */
export async function simulate(lab: { folder: string }, into: string, ...args: string[]): Promise<string> {
  const folder = join(lab.folder, into);
  const log = join(lab.folder, "simulate.log");
  const status = await new Program(TRAINER, ["simulate", ...args, folder], log).end();
  if (status !== 0) throw new Error(`simulate: ${readFileSync(log, "utf8")}`);
  return folder;
}

const READ = { time: "t_ns", label_from: "column:label" };
const PIPELINE = { window: { seconds: 0.5 }, stride: { seconds: 0.25 } } as Schemas["PipelineSettings"];

/** The dataset `pump` and the first version of the model `pump`; gives its run. */
async function fillPump(client: Client, folder: string): Promise<string> {
  const pump = await simulate({ folder }, "pump", "vibration", "--seconds", "6", "--per-class", "4");
  const units = { accX: "m/s²", accY: "m/s²", accZ: "m/s²" };
  await client.importFolder("pump", pump, { ...READ, units });
  return client.train({
    dataset: "pump",
    estimator: "random_forest_classifier",
    model: "pump",
    pipeline: PIPELINE,
    parameters: { n_estimators: 20 },
  });
}

async function fill(client: Client, folder: string): Promise<Lab["runs"]> {
  const classification = await fillPump(client, folder);
  const plant = await simulate({ folder }, "plant", "process", "--seconds", "600", "--per-class", "2");
  await client.importFolder("plant", plant, {
    ...READ,
    target_columns: ["power"],
    units: { power: "kW", flow: "m³/h" },
  });
  return {
    classification,
    again: await client.train({
      dataset: "pump",
      estimator: "logistic_regression",
      model: "pump",
      pipeline: PIPELINE,
    }),
    anomaly: await client.train({
      dataset: "pump",
      estimator: "t2q",
      parameters: { false_alarm_rate: 0.1 },
      model: "pump-watch",
      pipeline: PIPELINE,
      selection: { normal: "normal" } as Schemas["Selection"],
    }),
    regression: await client.train({
      dataset: "plant",
      estimator: "ridge",
      model: "power",
      pipeline: { window: { samples: 30 }, stride: { samples: 10 } } as Schemas["PipelineSettings"],
      selection: { target: "power", split: "time" } as Schemas["Selection"],
    }),
  };
}

/** What journeys know of a system that runs already. */
async function visit(url: string, password: string, folder: string): Promise<Lab> {
  const client = await Client.signIn(url, password);
  const run = await fillPump(client, folder);
  const device = await client.until("a device", async () => {
    return (await client.ask<Schemas["Paged_Device"]>("GET", "/api/devices")).items[0];
  });
  await client.ask("POST", "/api/deployments", { device_id: device.id, model: "pump", version: 1 });
  const runs = { classification: run, again: run, anomaly: run, regression: run };
  return { ...client.access, programs: PROGRAMS, folder, device: device.id, deviceName: device.name, runs };
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "cirame-console-"));
  const data = join(folder, "data");
  const running: Program[] = [];
  const stop = async () => {
    for (const program of running.reverse()) await program.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    if (process.env.CONSOLE) {
      provide("lab", await visit(process.env.CONSOLE, process.env.PASSWORD ?? "", folder));
      return stop;
    }
    const serve = ["--data", data, "serve", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0"];
    const options = ["--broker", "embedded:0", "--heartbeat-s", "1"];
    const trainer = new Program(TRAINER, [...serve, ...options], join(folder, "trainer.log"));
    running.push(trainer);
    const [, url = ""] = await trainer.waitFor(/console on (http:\/\/[\d.:]+)/);
    const [, port = ""] = await trainer.waitFor(/broker on mqtt:\/\/[^\s:]+:(\d+)/);
    const [, password = ""] = /^password (\S+)$/m.exec(readFileSync(join(data, "first-login"), "utf8")) ?? [];
    const client = await Client.signIn(url, password);
    const runs = await fill(client, folder);
    const token = await client.ask<Schemas["MadeToken"]>("POST", "/api/enrolment-tokens", { name: "lab" });
    const edge = [
      "serve",
      "--trainer",
      url,
      "--state",
      join(folder, "edge"),
      "--listen",
      "127.0.0.1:0",
      "--name",
      "bench",
    ];
    running.push(
      new Program(join(PROGRAMS, "cirame-edge"), edge, join(folder, "edge.log"), { CIRAME_TOKEN: token.secret }),
    );
    const device = await client.until("the device", async () => {
      return (await client.ask<Schemas["Paged_Device"]>("GET", "/api/devices")).items[0]?.id;
    });
    await client.ask("POST", "/api/deployments", { device_id: device, model: "pump", version: 1 });
    const publish = ["simulate", "vibration", "--publish", `embedded:${port}`, "--stream", "pump-1", "--repeat"];
    running.push(new Program(TRAINER, ["--data", data, ...publish], join(folder, "publish.log")));
    provide("lab", { ...client.access, programs: PROGRAMS, folder, device, deviceName: "bench", runs });
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}
