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

const proseOf = (markdown: string): string => markdown.replaceAll(/<!--[\s\S]*?-->|^```[\s\S]*?^```/gm, "");

/** Targets of links and pictures outside of code and comments. */
const targetsOf = (markdown: string): string[] =>
  [...proseOf(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);

/** The same without anchors. */
const linksOf = (markdown: string): string[] => targetsOf(markdown).map((target) => target.replace(/#.*$/, ""));

/** The anchors that GitHub gives the headings of a page. */
const anchorsOf = (markdown: string): string[] =>
  [...proseOf(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );

const isInRepository = (target: string): boolean => target !== "" && !/^[a-z]+:/.test(target);

test.each(pages)("every link of %s leads to a file", (page) => {
  const links = linksOf(readFileSync(join(ROOT, page), "utf8")).filter(isInRepository);
  const missing = links.filter((link) => {
    const path = join(ROOT, dirname(page), link);
    return relative(ROOT, path).startsWith("..") || !existsSync(path);
  });
  expect(missing).toEqual([]);
});

test.each(pages)("every anchor of %s is a heading", (page) => {
  const anchored = targetsOf(readFileSync(join(ROOT, page), "utf8")).filter((target) => /^[^:]*\.md#|^#/.test(target));
  const missing = anchored.filter((target) => {
    const [path = "", anchor = ""] = target.split("#");
    const file = path === "" ? join(ROOT, page) : join(ROOT, dirname(page), path);
    return !existsSync(file) || !anchorsOf(readFileSync(file, "utf8")).includes(anchor);
  });
  expect(missing).toEqual([]);
});

test("linksOf() finds links and pictures, not those in code and comments", () => {
  const page = "[a](x.md#part) ![b](y.svg)\n```\n[c](code.md)\n```\n<!-- [d](comment.md) --> [`e`](../z.ts)";
  expect(linksOf(page)).toEqual(["x.md", "y.svg", "../z.ts"]);
});
