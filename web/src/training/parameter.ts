// Parameters of estimators: which fields a form has for what the catalogue says they accept.

/** One form that a value may take. */
export type Form =
  | { kind: "integer" | "number"; min: number; max: number }
  | { kind: "choice"; words: string[] }
  | { kind: "flag" }
  | { kind: "null" };

const NUMBER = /^a (whole )?number from (-?[\d.e+-]+) to (-?[\d.e+-]+)$/;

/** The forms behind the catalogue's words; none where the words are not known, then JSON is typed. */
export function formsOf(accepts: string): Form[] {
  const forms: Form[] = [];
  for (const part of accepts.split(/, or /)) {
    const found = NUMBER.exec(part);
    if (found) forms.push({ kind: found[1] ? "integer" : "number", min: Number(found[2]), max: Number(found[3]) });
    else if (part === "true or false") forms.push({ kind: "flag" });
    else if (part === "null") forms.push({ kind: "null" });
    else if (/^"[^"]*"( or "[^"]*")*$/.test(part))
      forms.push({ kind: "choice", words: part.split(" or ").map((word) => word.slice(1, -1)) });
    else return [];
  }
  return forms;
}

/** The form that a value has. */
export function formOf(forms: readonly Form[], value: unknown): Form | undefined {
  return forms.find((form) => {
    if (form.kind === "null") return value === null;
    if (form.kind === "flag") return typeof value === "boolean";
    if (form.kind === "choice") return typeof value === "string" && form.words.includes(value);
    return typeof value === "number";
  });
}

/** A value as a person reads it. */
export function valueText(value: unknown): string {
  if (value === null) return "none";
  if (value === true) return "yes";
  if (value === false) return "no";
  return typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);
}
