// Writes the table of README.md from the reports in results/. Run `npm run build` first.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { readmeTable, withTable } from "../dist/benchmark/readme-table.js";

const results = new URL("results/", import.meta.url);
const readme = new URL("../README.md", import.meta.url);
const names = readdirSync(results).filter((name) => name.endsWith(".json"));
const reports = names.map((name) => JSON.parse(readFileSync(new URL(name, results), "utf8")));
writeFileSync(readme, withTable(readFileSync(readme, "utf8"), readmeTable(reports)));
