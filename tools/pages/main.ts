// Writes what programs write into pages, from the committed results of evaluations and benchmarks:
//   npm run pages             writes README.md, docs/*.md and drawings anew
//   npm run pages -- --check  writes nothing and fails where one of them is not what it would be
//   npm run pages -- --take FOLDER-OF-A-RUN evaluations/NAME  takes settings, summary and times of a run over first
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { renewedPages } from "./pages.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const [mode, run, kept] = process.argv.slice(2);
if (mode === "--take" && run !== undefined && kept !== undefined) {
  for (const name of ["settings.json", "summary.json", "times.json"]) copyFileSync(join(run, name), join(kept, name));
} else if (mode !== undefined && mode !== "--check") {
  throw new RangeError("Cannot write pages: give nothing, --check, or --take FOLDER-OF-A-RUN evaluations/NAME");
}
const stale = [...renewedPages(ROOT)].filter(([path, content]) => {
  const file = join(ROOT, path);
  return !existsSync(file) || readFileSync(file, "utf8") !== content;
});
for (const [path, content] of stale) {
  if (mode === "--check") console.error(`${path} is not what \`npm run pages\` writes`);
  else writeFileSync(join(ROOT, path), content);
}
if (mode === "--check" && stale.length > 0) process.exitCode = 1;
