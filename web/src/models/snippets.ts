// How a model is used outside the console: texts that run as they stand, beside the downloaded file.
import { rateHz, type Manifest } from "./manifest";

/** The name under which the artifact is downloaded. */
export function fileName(model: string, number: number): string {
  return `${model}-${number}.onnx`;
}

const NUMPY_LINES_MAX = 12;

function list(names: readonly string[]): string {
  const one = names.map((name) => JSON.stringify(name));
  const text = `[${one.join(", ")}]`;
  return text.length <= 90 || names.length > NUMPY_LINES_MAX * 4 ? text : `[\n    ${one.join(",\n    ")},\n]`;
}

/** ONNX Runtime in Python: one window of zeros, to be replaced by samples. */
export function pythonSnippet(manifest: Manifest, file: string): string {
  const { window, channels } = manifest.pipeline;
  const shape = `(1, ${window.length_samples}, ${channels.length})`;
  const lines = [
    "# pip install onnxruntime numpy",
    "import numpy as np",
    "import onnxruntime",
    "",
    `session = onnxruntime.InferenceSession(${JSON.stringify(file)})`,
    `channels = ${list(channels.map(({ name }) => name))}`,
    `# Windows x samples x channels; put ${window.length_samples} consecutive samples here.`,
    `windows = np.zeros(${shape}, np.float32)`,
    "",
  ];
  if (manifest.task === "classification") {
    lines.push(
      `classes = ${list(manifest.classes ?? [])}`,
      'probabilities, label = session.run(["probabilities", "label"], {"windows": windows})',
      "print(classes[label[0]], {name: round(float(p), 3) for name, p in zip(classes, probabilities[0])})",
    );
  } else if (manifest.task === "anomaly") {
    lines.push(
      'score, label = session.run(["score", "label"], {"windows": windows})',
      "# 1.0 is the alarm line",
      'print("score", score[0], "ALARM" if label[0] else "no alarm")',
    );
  } else {
    const target = manifest.target?.name ?? "value";
    const unit = manifest.target?.unit;
    const words = [JSON.stringify(target), "value[0]", ...(unit ? [JSON.stringify(unit)] : [])];
    lines.push('[value] = session.run(["value"], {"windows": windows})', `print(${words.join(", ")})`);
  }
  return lines.join("\n");
}

/** `cirame-edge` on the machine with the sensors. */
export function edgeSnippet(manifest: Manifest, file: string): string {
  // Rows without a rate need no times.
  const times = rateHz(manifest) === undefined ? "" : " --time t_ms";
  return [
    "# What it expects and answers",
    `cirame-edge inspect ${file}`,
    "# Whether this machine gives the answers that it carries",
    `cirame-edge prove ${file}`,
    "# The answers for a recording",
    `cirame-edge run ${file} --input recording.csv${times}`,
    "# The answers for what sensors publish",
    `cirame-edge serve ${file} --broker mqtt://localhost`,
  ].join("\n");
}
