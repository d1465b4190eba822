import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FITS } from "../src/image/geometry/fit.ts";
import { NODE_DEVICES } from "../src/runtime/node/device.ts";
import { PIPELINE_CLASSES, UNCONDITIONAL_STEPS } from "../src/systems/published-defaults.ts";
import { exampleBlocks } from "../tools/pages/examples.ts";

const ROOT = new URL("../", import.meta.url);
const text = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");
const [library, models, troubleshooting] = ["library", "models", "troubleshooting"].map((name) =>
  text(`docs/${name}.md`),
);

/** Names that begin the rows of a page's tables, as `width` and `height` do in "| `width`, `height` | in pixels |". */
const namesInTables = (page = ""): string[] =>
  [...page.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
  );

/** The part of a page below a heading, up to the next one of its level. */
function section(page = "", heading = ""): string {
  const begin = page.indexOf(`\n${heading}\n`);
  const end = page.indexOf(`\n${/^#+/.exec(heading)?.[0]} `, begin + heading.length);
  return begin < 0 ? "" : page.slice(begin, end < 0 ? undefined : end);
}

/** The options that an interface of src declares. */
function optionsOf(path: string, ...interfaces: readonly string[]): string[] {
  const source = text(`src/${path}`);
  return interfaces.flatMap((name) => {
    const body = new RegExp(`export interface ${name}\\b[^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(source)?.[1] ?? "";
    return [...body.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, option = ""]) => option);
  });
}

test("the library's page has a row for every option of pipeline(), and for no other", () => {
  const options = optionsOf("library/pipeline-options.ts", "PipelineOptions");
  expect(options.length).toBeGreaterThan(10);
  const rows = namesInTables(section(library, "## Opening a model")).filter((name) => !name.startsWith('"'));
  expect(rows.sort()).toEqual(options.sort());
});

test("the library's page names every option of a run, and no other", () => {
  const options = optionsOf(
    "library/options.ts",
    ...["CommonOptions", "ScheduleOptions", "TextToImageOptions", "ClassToImageOptions", "UnconditionalImageOptions"],
  );
  expect(options.length).toBeGreaterThan(25);
  const page = section(library, "## Options of a run");
  expect(options.filter((option) => !page.includes(`\`${option}\``))).toEqual([]);
  const rows = namesInTables(page.slice(0, page.indexOf("\n### ")));
  expect(rows.filter((name) => !options.includes(name))).toEqual([]);
});

test("the library's page has a row for every code of an error, and for no other", () => {
  const codes = [...text("src/errors/deepcache-error.ts").matchAll(/^ {2}\| "(\w+)"/gm)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(8);
  expect(namesInTables(section(library, "## Errors"))).toEqual(codes);
});

test("the library's page names every event, device, fit and subpath", () => {
  const events = [...text("src/pipelines/run/events.ts").matchAll(/readonly type: "(\w+)"/g)].map(([, type]) => type);
  expect(namesInTables(section(library, "## Runs")).sort()).toEqual(expect.arrayContaining(events));
  for (const value of [...Object.keys(NODE_DEVICES), ...FITS]) expect(library).toContain(`\`"${value}"\``);
  const { exports } = JSON.parse(text("package.json"));
  const imports = Object.keys(exports).map((path) => path.replace(/^\./, "deepcache"));
  expect(namesInTables(section(library, "## Subpaths")).sort()).toEqual(
    imports.filter((path) => !path.endsWith(".json")).sort(),
  );
});

test("the page on models names every pipeline class and every field of recommended settings", () => {
  const classes = [...Object.keys(PIPELINE_CLASSES), ...Object.keys(UNCONDITIONAL_STEPS)];
  expect(classes.filter((name) => !models?.includes(`\`${name}\``))).toEqual([]);
  const fields = [...text("src/systems/recommended/recommended.ts").matchAll(/read\.has\("(\w+)"\)/g)].map(
    ([, field]) => field,
  );
  expect(namesInTables(section(models, "## Defaults")).sort()).toEqual(fields.sort());
});

test("every message in a heading of the page on troubles is one of the program's", () => {
  const headings = [...(troubleshooting ?? "").matchAll(/^### `([^`]+)`$/gm)].map(([, message = ""]) => message);
  expect(headings.length).toBeGreaterThan(15);
  const source = readdirSync(new URL("src", ROOT), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => text(`src/${path}`))
    .join("\n");
  // What a message fills in stands before or after the words of a heading, but for the list of pipeline classes.
  const known = (message: string): boolean =>
    source.includes(message) || (message.startsWith("one of ") && message.slice("one of ".length) in PIPELINE_CLASSES);
  expect(headings.filter((message) => !known(message))).toEqual([]);
});

test.each(["README.md", "docs/library.md", "docs/models.md", "docs/troubleshooting.md"])(
  "every program in %s is an example that is run",
  (path) => {
    const page = text(path);
    const programs = [...page.matchAll(/^```(?:js|ts|mjs)\n[\s\S]*?^```$/gm)].map(([program]) => program);
    const names = readdirSync(new URL("examples", ROOT)).flatMap((name) => /^(.*)\.mjs$/.exec(name)?.[1] ?? []);
    const paths = [...names.map((name) => `${name}.mjs`), "page/main.js", "page/picture.js"];
    const files = paths.map((path) => `\`\`\`js\n${text(`examples/${path}`).trimEnd()}\n\`\`\``);
    expect(programs.filter((program) => !files.includes(program))).toEqual([]);
    const shown = exampleBlocks(page, (name) => text(`examples/${name}.mjs`));
    expect(programs).toEqual(expect.arrayContaining(Object.values(shown)));
  },
);

test("README shows the first example and every example is on some page", () => {
  expect(text("README.md")).toContain(`\`\`\`js\n${text("examples/first-image.mjs")}\`\`\`\n`);
  const names = readdirSync(new URL("examples", ROOT)).filter((name) => name.endsWith(".mjs"));
  expect(
    names.filter((name) => !`${library}${models}${text("docs/server.md")}`.includes(text(`examples/${name}`))),
  ).toEqual([]);
});

test("answers of the page on where things are name what their files declare", () => {
  const page = section(text("docs/architecture.md"), "## Where is …?");
  const answers = [...page.matchAll(/\[`[^`]+`\]\(\.\.\/([^)]+)\): `(\w+)`/g)];
  expect(answers.length).toBeGreaterThanOrEqual(10);
  const missing = answers.filter(
    ([, path = "", name = ""]) =>
      !new RegExp(`^(?:export )?(?:async )?(?:function\\*?|const|class|interface|type) ${name}\\b`, "m").test(
        text(path),
      ),
  );
  expect(missing.map(([answer]) => answer)).toEqual([]);
});
