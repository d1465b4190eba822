// Writes the tables of README.md and docs/performance.md from the reports in results/. Run `npm run build` first.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { readmeTable } from "../dist/benchmark/readme-table.js";
import { rooflineTable } from "../dist/benchmark/roofline-table.js";
import { replaceMarked } from "../dist/evaluation/report/marked.js";

const results = new URL("results/", import.meta.url);
const readme = new URL("../README.md", import.meta.url);
const names = readdirSync(results).filter((name) => name.endsWith(".json"));
const reports = names.map((name) => JSON.parse(readFileSync(new URL(name, results), "utf8")));
writeFileSync(readme, replaceMarked(readFileSync(readme, "utf8"), "benchmark", readmeTable(reports)));
const page = new URL("../docs/performance.md", import.meta.url);
writeFileSync(page, replaceMarked(readFileSync(page, "utf8"), "roofline", rooflineTable(reports)));
