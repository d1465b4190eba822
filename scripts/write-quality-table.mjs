// Writes the README's quality table and docs/findings.md from finished evaluations:
//   node scripts/write-quality-table.mjs [evaluations/fluent-scenes FOLDER-OF-A-NEW-RUN]
// With two folders, settings, summary and times of the second are first taken over into the first.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { excerpt } from "../dist/evaluation/findings/excerpt.js";
import { findingsPlots, renewFindings, speedupsOf } from "../dist/evaluation/findings/page.js";
import { qualityTable } from "../dist/evaluation/report/markdown.js";
import { replaceMarked } from "../dist/evaluation/report/marked.js";

const [kept, run] = process.argv.slice(2);
if (run !== undefined) {
  for (const name of ["settings.json", "summary.json", "times.json"]) copyFileSync(join(run, name), join(kept, name));
}
const read = (path) => readFileSync(path, "utf8");
const summaryIn = (folder) => JSON.parse(read(`evaluations/${folder}/summary.json`));
const times = JSON.parse(read("evaluations/fluent-scenes/times.json"));
const [shallow, summary] = ["fluent-scenes", "fluent-scenes-branches"].map(summaryIn);
const manySteps = summaryIn("fluent-scenes-many-steps");
const speedups = speedupsOf(JSON.parse(read("benchmarks/results/fluent-scenes.json")));
const sources = { summary, shallow, manySteps, speedups };
writeFileSync("README.md", replaceMarked(read("README.md"), "quality", qualityTable(excerpt(shallow), times)));
writeFileSync("docs/findings.md", renewFindings(read("docs/findings.md"), sources));
for (const [name, drawing] of Object.entries(findingsPlots(summary))) writeFileSync(`docs/images/${name}`, drawing);
