import type { BenchmarkReport } from "./report.ts";
import { reportFacts, reportTables } from "./report-tables.ts";

/** The report as a page; `plot` is where its picture lies, relative to the page. */
export function reportMarkdown(report: BenchmarkReport, plot: string): string {
  const facts = reportFacts(report).map(([name, value]) => `- ${name}: ${value}`);
  const tables = reportTables(report).flatMap(({ title, rows }) => [`## ${title}`, "", markdownTable(rows), ""]);
  return [
    `# ${report.architecture}`,
    "",
    ...facts,
    "",
    `![Speed-up against interval](${plot})`,
    "",
    "Limits are what multiply-adds alone would allow: as the method is published, and as computed here, where what " +
      "depends on the cached feature alone is not repeated.",
    "",
    ...tables,
  ].join("\n");
}

/** A table in Markdown, the first column flush left and the others flush right. */
export function markdownTable([headings = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(headings), line(headings.map((_, i) => (i === 0 ? "---" : "--:"))), ...rows.map(line)].join("\n");
}
