// Writes the README's quality table from a finished evaluation:
//   node scripts/write-quality-table.mjs evaluations/fluent-scenes [FOLDER OF A NEW RUN]
// With a second folder its settings, summary and times are first taken over into the first.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { qualityTable } from "../dist/evaluation/report/markdown.js";
import { replaceMarked } from "../dist/evaluation/report/marked.js";

const [kept = "evaluations/fluent-scenes", run] = process.argv.slice(2);
if (run !== undefined) {
  for (const name of ["settings.json", "summary.json", "times.json"]) copyFileSync(join(run, name), join(kept, name));
}
const summary = JSON.parse(readFileSync(join(kept, "summary.json"), "utf8"));
writeFileSync("README.md", replaceMarked(readFileSync("README.md", "utf8"), "quality", qualityTable(summary)));
