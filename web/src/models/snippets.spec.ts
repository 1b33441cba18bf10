// The texts fit the model.
import { expect, it } from "vitest";

import type { Manifest } from "./manifest";
import { edgeSnippet, fileName, pythonSnippet } from "./snippets";

const manifest = (more: Partial<Manifest>) =>
  ({
    task: "classification",
    classes: ["off", 'say "on"'],
    pipeline: {
      channels: [{ name: "acc.x" }, { name: "acc.y" }],
      rate: { fixed: { hz: 1000, tolerance: 0.05, mismatch: "refuse" } },
      window: { length_samples: 512, stride_samples: 256 },
    },
    ...more,
  }) as Manifest;

it("has the model's shape, names of outputs and classes", () => {
  const text = pythonSnippet(manifest({}), fileName("pump", 3));
  expect(text).toContain('InferenceSession("pump-3.onnx")');
  expect(text).toContain("np.zeros((1, 512, 2), np.float32)");
  expect(text).toContain('["probabilities", "label"]');
  expect(text).toContain('classes = ["off", "say \\"on\\""]');
});

it("asks for what each task answers", () => {
  expect(pythonSnippet(manifest({ task: "anomaly" }), "a.onnx")).toContain('["score", "label"]');
  const regression = pythonSnippet(manifest({ task: "regression", target: { name: "power", unit: "kW" } }), "a.onnx");
  expect(regression).toContain('session.run(["value"]');
  expect(regression).toContain('print("power", value[0], "kW")');
});

it("names the file in every command of the edge", () => {
  const lines = edgeSnippet(manifest({}), "pump-3.onnx").split("\n");
  const commands = lines.filter((line) => !line.startsWith("#"));
  expect(commands.map((line) => line.split(" ").slice(0, 3).join(" "))).toEqual(
    ["inspect", "prove", "run", "serve"].map((verb) => `cirame-edge ${verb} pump-3.onnx`),
  );
});
