// @vitest-environment node
// The types are those of the document that the trainer generates.
import { readFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";
import { expect, it } from "vitest";

it("has the types of the committed OpenAPI document", { timeout: 60_000 }, async () => {
  const document = new URL("../../../trainer/openapi.json", import.meta.url);
  const types = astToString(await openapiTS(JSON.parse(readFileSync(document, "utf8")), { emptyObjectsUnknown: true }));
  const committed = readFileSync(new URL("./schema.ts", import.meta.url), "utf8");
  expect(committed.endsWith(types), "web/src/api/schema.ts is not current: renew it with `make api`").toBe(true);
});
