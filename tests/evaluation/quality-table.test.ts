import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { qualityTable } from "../../src/evaluation/report/markdown.ts";
import { readMarked } from "../../src/evaluation/report/marked.ts";
import type { Summary } from "../../src/evaluation/summary.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("the README's quality table is the one of the committed evaluation", () => {
  const summary = JSON.parse(read("evaluations/fluent-scenes/summary.json")) as Summary;
  expect(readMarked(read("README.md"), "quality")).toBe(qualityTable(summary));
});
