// A program of ours as a child process, whose first lines are waited for.
import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";

export class Program {
  private readonly child: ChildProcess;
  private said = "";
  private waiting: (() => void)[] = [];

  constructor(
    command: string,
    args: string[],
    private readonly log: string,
    environment: Record<string, string> = {},
  ) {
    this.child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    this.child.stderr?.pipe(createWriteStream(log, { flags: "a" }));
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.said += text;
      this.wake();
    });
    this.child.on("exit", () => this.wake());
    this.child.on("error", () => this.wake());
  }

  private wake() {
    const waiting = this.waiting;
    this.waiting = [];
    waiting.forEach((go) => go());
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null || this.child.pid === undefined;
  }

  /** The first match in what the program has printed. */
  async waitFor(pattern: RegExp, ms = 60_000): Promise<RegExpExecArray> {
    const deadline = Date.now() + ms;
    for (;;) {
      const found = pattern.exec(this.said);
      if (found) return found;
      const left = deadline - Date.now();
      if (this.ended || left <= 0) {
        const tail = readFileSync(this.log, "utf8").split("\n").slice(-20).join("\n");
        throw new Error(`${this.child.spawnargs.join(" ")} did not print ${pattern}; its log ends with\n${tail}`);
      }
      await new Promise<void>((go) => {
        const timer = setTimeout(go, left);
        this.waiting.push(() => {
          clearTimeout(timer);
          go();
        });
      });
    }
  }

  /** Waits for the program's own end. */
  async end(ms = 120_000): Promise<number | null> {
    const deadline = Date.now() + ms;
    while (!this.ended) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`${this.child.spawnargs.join(" ")} does not end`);
      await new Promise<void>((go) => {
        const timer = setTimeout(go, left);
        this.waiting.push(() => {
          clearTimeout(timer);
          go();
        });
      });
    }
    return this.child.exitCode;
  }

  async stop(): Promise<void> {
    if (!this.ended) this.child.kill("SIGTERM");
    await this.end(30_000).catch(() => this.child.kill("SIGKILL"));
  }
}
