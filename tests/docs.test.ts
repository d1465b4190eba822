import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const pages = [
  ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];

/** Targets of links and pictures outside of code and comments, without anchors. */
function linksOf(markdown: string): string[] {
  const prose = markdown.replaceAll(/<!--[\s\S]*?-->|^```[\s\S]*?^```/gm, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target.replace(/#.*$/, ""));
}

const isInRepository = (target: string): boolean => target !== "" && !/^[a-z]+:/.test(target);

test.each(pages)("every link of %s leads to a file", (page) => {
  const links = linksOf(readFileSync(join(ROOT, page), "utf8")).filter(isInRepository);
  const missing = links.filter((link) => {
    const path = join(ROOT, dirname(page), link);
    return relative(ROOT, path).startsWith("..") || !existsSync(path);
  });
  expect(missing).toEqual([]);
});

test("linksOf() finds links and pictures, not those in code and comments", () => {
  const page = "[a](x.md#part) ![b](y.svg)\n```\n[c](code.md)\n```\n<!-- [d](comment.md) --> [`e`](../z.ts)";
  expect(linksOf(page)).toEqual(["x.md", "y.svg", "../z.ts"]);
});
