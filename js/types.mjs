/** Writes the report's types, from the schema that the kernel's reports are checked against; `--check` only compares. */

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";

const HERE = dirname(fileURLToPath(import.meta.url));
const SCHEMA = join(HERE, "..", "ipy_tensorwatch", "report.schema.json");
const TYPES = join(HERE, "src", "report.ts");

const schema = { ...JSON.parse(readFileSync(SCHEMA, "utf8")), title: "Report" }; // the title names the root type
const types = await compile(schema, "Report", {
  additionalProperties: false,
  bannerComment: "/** Generated from `ipy_tensorwatch/report.schema.json` by `npm run types`. */",
  maxItems: 4,
  style: { printWidth: 120 },
});

if (!process.argv.includes("--check")) {
  writeFileSync(TYPES, types);
} else if (readFileSync(TYPES, "utf8") !== types) {
  process.stderr.write("src/report.ts is out of date: run `npm run types`\n");
  process.exitCode = 1;
}
