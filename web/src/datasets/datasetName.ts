// Names of datasets: what the trainer takes, and a first one made of the files' names.

const BYTES_MAX = 100;

/** Why the trainer would refuse this name; nothing if it takes it. */
export function datasetFault(name: string): string | undefined {
  if (name === "") return "A dataset has a name.";
  if (name.length > BYTES_MAX) return `A name has at most ${BYTES_MAX} characters.`;
  if (!/^[A-Za-z0-9]/.test(name)) return "A name begins with a letter or a digit.";
  const bad = /[^A-Za-z0-9._-]/.exec(name);
  return bad ? `“${bad[0]}” cannot be in a name: letters, digits, dot, _ and - can.` : undefined;
}

/** The common folder of the files as a name, or the only file's; nothing where neither can be one. */
export function suggestedName(files: readonly string[]): string {
  const first = files[0];
  if (first === undefined) return "";
  const folder = first.includes("/") ? first.slice(0, first.indexOf("/")) : undefined;
  const common = folder !== undefined && files.every((file) => file.startsWith(`${folder}/`)) ? folder : undefined;
  const stem = files.length === 1 ? (first.split("/").pop() ?? "").replace(/\..*$/, "") : undefined;
  const name = (common ?? stem ?? "")
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+|[-._]+$/g, "")
    .slice(0, BYTES_MAX);
  return datasetFault(name) ? "" : name;
}
