// The steps of a repair, as the API's own document describes them: what each does, its fields, and what
// they take. A step that the trainer learns is here without a change of the console.
import type { Schemas } from "../api/client";

/** What a field takes. */
export type FieldKind = "text" | "texts" | "number" | "integer" | "flag" | "choice";

/** One field of a step. */
export interface StepField {
  name: string;
  doc: string;
  kind: FieldKind;
  /** Of a choice. */
  choices: string[];
  required: boolean;
}

/** One kind of step. */
export interface StepKind {
  name: string;
  doc: string;
  fields: StepField[];
}

/** Units that end the names of fields. */
const UNITS: Record<string, string> = { hz: "Hz", ms: "ms", s: "s" };

/** The name of a field as people read it, with its unit. */
export function fieldLabel(name: string): string {
  const words = name.split("_");
  const unit = UNITS[words.at(-1) ?? ""];
  const said = (unit ? words.slice(0, -1) : words).join(" ");
  return said.charAt(0).toUpperCase() + said.slice(1) + (unit ? ` [${unit}]` : "");
}

/** What is typed into a field. */
export type Typed = string | string[] | boolean;

/** A step as it is being filled in. */
export interface DraftStep {
  /** Tells steps of one kind apart while they are moved. */
  key: number;
  kind: string;
  values: Record<string, Typed>;
}

/** A schema of the document, as far as it is read here. */
interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  enum?: string[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

/** The OpenAPI document, as far as it is read here. */
export interface ApiDocument {
  components: { schemas: Record<string, Schema> };
}

/** The kinds of steps that the document describes, in its order. */
export function stepKinds({ components: { schemas } }: ApiDocument): StepKind[] {
  const resolved = (schema: Schema): Schema => {
    if (schema.$ref === undefined) return schema;
    const found = schemas[schema.$ref.split("/").pop() ?? ""];
    if (!found) throw new Error(`the API's document does not have ${schema.$ref}`);
    return { ...found, ...(schema.description === undefined ? {} : { description: schema.description }) };
  };
  const fieldOf = (name: string, schema: Schema, required: boolean): StepField => {
    const own = schema.oneOf?.find((part) => part.type !== "null") ?? schema;
    const { type, enum: choices, description } = resolved(own);
    const types = [type ?? []].flat();
    const kind: FieldKind = choices
      ? "choice"
      : types.includes("array")
        ? "texts"
        : types.includes("boolean")
          ? "flag"
          : types.includes("integer")
            ? "integer"
            : types.includes("number")
              ? "number"
              : "text";
    const doc = (schema.description ?? description ?? "").replaceAll("\n", " ");
    return { name, doc, kind, choices: choices ?? [], required };
  };
  return (schemas.RepairStep?.oneOf ?? []).map((variant) => {
    const parts = (variant.allOf ?? [variant]).map(resolved);
    const properties = Object.assign({}, ...parts.map((part) => part.properties ?? {})) as Record<string, Schema>;
    const required = parts.flatMap((part) => part.required ?? []);
    const { step, ...fields } = properties;
    return {
      name: step?.enum?.[0] ?? "",
      doc: (parts.find((part) => part.description)?.description ?? "").replaceAll("\n", " "),
      fields: Object.entries(fields)
        .map(([name, schema]) => fieldOf(name, schema, required.includes(name)))
        .sort((a, b) => Number(b.required) - Number(a.required)),
    };
  });
}

/** What a field has before anything is typed. */
export function emptyValue(field: StepField): Typed {
  if (field.kind === "texts") return [];
  if (field.kind === "flag") return false;
  return field.kind === "choice" && field.required ? (field.choices[0] ?? "") : "";
}

/** Why what is typed into a field cannot be sent; nothing where the trainer can judge it. */
export function fieldFault(field: StepField, typed: Typed | undefined): string | undefined {
  const empty = typed === undefined || typed === "" || (Array.isArray(typed) && typed.length === 0);
  if (empty) return field.required ? "This is needed." : undefined;
  if (field.kind !== "number" && field.kind !== "integer") return undefined;
  const value = Number(typed);
  if (!Number.isFinite(value)) return "A number is expected.";
  if (field.kind === "integer" && !(Number.isInteger(value) && value >= 0))
    return "A whole number from 0 on is expected.";
  return undefined;
}

/** A step as the trainer takes it: fields without anything are left out. */
export function stepRequest(kind: StepKind, values: Record<string, Typed>): Schemas["RepairStep"] {
  const step: Record<string, unknown> = { step: kind.name };
  for (const field of kind.fields) {
    const typed = values[field.name];
    if (typed === undefined || typed === "" || typed === false) continue;
    if (Array.isArray(typed) && typed.length === 0) continue;
    step[field.name] = field.kind === "number" || field.kind === "integer" ? Number(typed) : typed;
  }
  return step as unknown as Schemas["RepairStep"];
}

/** A recording as far as its channels matter. */
type Channelled = Pick<Schemas["Entry"], "name" | "channels">;

/** The channels that there are before a step, as far as the steps before it say. */
export function channelsBefore(recordings: readonly Channelled[], steps: readonly DraftStep[], at: number): string[] {
  const all = new Set(recordings.flatMap(({ channels }) => channels.map(({ name }) => name)));
  let names = [...all];
  for (const { kind, values } of steps.slice(0, at)) {
    if (kind === "select" && Array.isArray(values.channels)) names = [...values.channels];
    if (kind === "rename" && values.name) {
      names = names.map((name) => (name === values.channel ? String(values.name) : name));
    }
    if (kind === "join" && values.name_by_recording === true) {
      names = recordings.flatMap(({ name, channels }) => channels.map((channel) => `${name}.${channel.name}`));
    }
  }
  return names;
}

/** A step of a lineage in one line. */
export function stepText(step: Schemas["RepairStep"]): string {
  const { step: name, ...fields } = step as Record<string, unknown>;
  const parts = Object.entries(fields).map(
    ([field, value]) => `${field} ${Array.isArray(value) ? value.join(", ") : String(value)}`,
  );
  return [String(name), ...parts].join(" · ");
}
