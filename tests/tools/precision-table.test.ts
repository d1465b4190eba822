import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readMarked } from "../../tools/pages/marked.ts";
import { type MeasuredPrecisions, precisionTables } from "../../tools/pages/precision-table.ts";

const root = new URL("../../", import.meta.url);

test("the page has the table of the committed measurements", () => {
  const folder = new URL("benchmarks/precisions/", root);
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  const machines = names.map((name) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as MeasuredPrecisions);
  const page = readFileSync(new URL("docs/performance.md", root), "utf8");
  expect(readMarked(page, "precisions")).toBe(precisionTables(machines));
});

test("the table names the machine's units, and sets all beside the first row", () => {
  const sample = (engine: string, precision: string, full: number) => ({
    ...{ engine, precision, branch: 0, peak: 2e9 },
    full,
    cached: full / 10,
  });
  const table = precisionTables([
    {
      machine: { cpu: "a CPU", cores: 4, units: ["AVX2", "VNNI"], node: "20", threads: 2 },
      versions: { runtime: "onnxruntime-node 1", openvino: "2026", pytorch: "2" },
      samples: [3, 2, 4].flatMap((full) => [
        sample("deepcache", "float32", full),
        sample("PyTorch", "bfloat16", full / 2),
      ]),
    },
  ]);
  expect(table).toContain("| deepcache, float32 | 3.00 s (1.00) | 0.300 s (1.00) | 42.0 s (1.00) | 2.00 |");
  expect(table).toContain("| PyTorch, bfloat16 | 1.50 s (0.50) | 0.150 s (0.50) | 21.0 s (0.50) | 2.00 |");
  expect(table).toContain(
    "medians of 3 processes each, in turn. a CPU, 2 of 4 cores, AVX2, VNNI; onnxruntime-node 1, OpenVINO 2026, torch 2, Node 20.",
  );
});
