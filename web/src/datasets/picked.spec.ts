import { describe, expect, it } from "vitest";

import { droppedOf, FILES_MAX, pickedOf, sorted, type Picked } from "./picked";

const file = (name: string, content = "1") => new File([content], name);
const picked = (name: string, content?: string): Picked => ({ name, file: file(name, content) });

/** A folder as browsers give it: its entries come in parts. */
function folder(name: string, entries: unknown[]): unknown {
  const createReader = () => {
    const parts = [...entries.map((entry) => [entry]), []];
    return { readEntries: (done: (part: unknown[]) => void) => done(parts.shift() ?? []) };
  };
  return { name, isFile: false, createReader };
}
const entry = (name: string) => ({ name, isFile: true, file: (done: (file: File) => void) => done(file(name)) });
const transfer = (entries: unknown[]) =>
  ({
    items: entries.map((one) => ({ kind: "file", webkitGetAsEntry: () => one, getAsFile: () => null })),
  }) as unknown as DataTransfer;

describe("what was dropped", () => {
  it("is walked through with all folders, and keeps paths as names", async () => {
    const dropped = await droppedOf(
      transfer([
        folder("data", [folder("worn", [entry("1.csv"), entry("2.csv")]), entry("notes.txt")]),
        entry("x.csv"),
      ]),
    );
    expect(dropped.map(({ name }) => name)).toEqual(["data/worn/1.csv", "data/worn/2.csv", "data/notes.txt", "x.csv"]);
  });
});

describe("what was chosen", () => {
  it("keeps the paths of a folder", () => {
    const inFolder = file("1.csv");
    Object.defineProperty(inFolder, "webkitRelativePath", { value: "worn/1.csv" });
    expect(pickedOf([inFolder, file("2.csv")]).map(({ name }) => name)).toEqual(["worn/1.csv", "2.csv"]);
  });

  it("is left out with a reason where it cannot be uploaded", () => {
    const { taken, left } = sorted(
      [picked("a.csv"), picked("a.csv"), picked("b/.git/x"), picked("c.csv", ""), picked("d.csv")],
      new Set(["d.csv"]),
    );
    expect(taken.map(({ name }) => name)).toEqual(["a.csv"]);
    expect(left.map(({ name }) => name)).toEqual(["a.csv", "b/.git/x", "c.csv", "d.csv"]);
    expect(left.every(({ reason }) => reason !== "")).toBe(true);
  });

  it("is bounded as an import is", () => {
    const there = new Set(Array.from({ length: FILES_MAX }, (_, at) => `${at}`));
    expect(sorted([picked("one more")], there).left).toHaveLength(1);
  });
});
