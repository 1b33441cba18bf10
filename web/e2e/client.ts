// The trainer's API for preparing what a journey needs; signed in as the first user.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { components } from "../src/api/schema";

export type Schemas = components["schemas"];

/** Where the trainer is, and a session there. */
export interface Access {
  url: string;
  password: string;
  cookie: string;
}

export class Client {
  constructor(readonly access: Access) {}

  static async signIn(url: string, password: string, name = "admin"): Promise<Client> {
    const response = await fetch(`${url}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name, password }),
    });
    if (!response.ok) throw new Error(`signing in: ${response.status} ${await response.text()}`);
    const cookie = response.headers.get("set-cookie")?.split(";")[0] ?? "";
    return new Client({ url, password, cookie });
  }

  async ask<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
    const raw = body instanceof Uint8Array;
    const response = await fetch(this.access.url + path, {
      method,
      headers: {
        cookie: this.access.cookie,
        ...(raw || !body ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? new Uint8Array(body) : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  async importFolder(dataset: string, folder: string, options: Partial<Schemas["ImportSettings"]>): Promise<void> {
    const uploads: string[] = [];
    for (const name of readdirSync(folder)
      .filter((name) => name.endsWith(".csv"))
      .sort()) {
      const content = readFileSync(join(folder, name));
      const upload = await this.ask<Schemas["Upload"]>("POST", "/api/data/uploads", {
        name,
        size_bytes: content.length,
      });
      const part = { "content-type": "application/octet-stream", "upload-offset": "0" };
      await this.ask("PATCH", `/api/data/uploads/${upload.id}`, new Uint8Array(content), part);
      uploads.push(upload.id);
    }
    const job = await this.ask<Schemas["Job"]>("POST", `/api/data/datasets/${dataset}/imports`, { uploads, options });
    await this.job(job.id);
  }

  /** Waits until a job has succeeded. */
  async job(id: string): Promise<void> {
    const response = await fetch(`${this.access.url}/api/jobs/${id}/events`, {
      headers: { cookie: this.access.cookie },
    });
    await response.text();
    const job = await this.ask<Schemas["JobView"]>("GET", `/api/jobs/${id}`);
    if (job.status !== "succeeded") throw new Error(`job ${id} ${job.status}: ${JSON.stringify(job.error)}`);
  }

  /** Trains a model and gives the run. */
  async train(request: Partial<Schemas["RunRequest"]> & { dataset: string; estimator: string }): Promise<string> {
    const submitted = await this.ask<Schemas["Submitted"]>("POST", "/api/training/runs", request);
    await this.job(submitted.job.id);
    return submitted.run_id;
  }

  /** Asks again until there is an answer that counts. */
  async until<T>(what: string, ask: () => Promise<T | undefined>, ms = 60_000): Promise<T> {
    const deadline = Date.now() + ms;
    for (;;) {
      const found = await ask();
      if (found) return found;
      if (Date.now() > deadline) throw new Error(`${what} did not come within ${ms / 1000} s`);
      await new Promise((go) => setTimeout(go, 100));
    }
  }
}
