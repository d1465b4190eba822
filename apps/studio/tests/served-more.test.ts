import { readFileSync } from "node:fs";
import { unzipSync } from "fflate";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { studioPages } from "../../../src/cli/serve/studio.ts";
import { readPngText } from "../../../src/image/png-text.ts";
import { defaultModelFolder } from "../../../src/systems/shipped.ts";
import { type Serving, serving } from "../../../tests/server/serving.ts";
import { builtStudio } from "./support/built.ts";
import { CHROMIUM } from "./support/chromium.ts";
import { type OpenedStudio, openServed } from "./support/open-served.ts";

let browser: Browser;
let server: Serving;
beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  const pages = await studioPages(builtStudio("server"));
  server = await serving({ "fluent-scenes": { path: defaultModelFolder(), thread: "caller" } }, { pages });
});

afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
});

const opened = (): Promise<OpenedStudio> =>
  openServed(browser, server.url, { hash: "steps=4&previewEvery=1", width: 1440 });

describe.skipIf(CHROMIUM === undefined)("the studio, besides", { timeout: 240_000 }, () => {
  test("tells screen readers of quarters alone, has its strip as a table, and saves all of its history", async () => {
    await using studio = await opened();
    const { page } = studio;
    await page.evaluate(hearOutput);
    await studio.make();
    await studio.done();
    const told = await page.evaluate(() => (globalThis as unknown as { told: string[] }).told);
    expect(told.at(-1)).toMatch(/^Done: \d+\.\d times as fast$/);
    expect(
      told.slice(0, -1).filter((text) => !/^(|Starting|Opening the model|(0|25|50|75|100) percent)$/.test(text)),
    ).toEqual([]);
    await page.locator(".strip summary").click();
    expect(await page.locator(".strip tbody tr").count()).toBe(4);
    expect(await page.locator(".strip tbody tr").first().textContent()).toMatch(/^0full.*full/);
    const saving = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save all" }).click();
    const files = unzipSync(readFileSync(await (await saving).path()));
    expect(Object.keys(files)).toEqual([
      expect.stringMatching(/^001-a-fox-.*original\.png$/),
      expect.stringMatching(/^001-a-fox-.*n-3-branch-0-forecast\.png$/),
    ]);
    for (const png of Object.values(files)) expect(readPngText(png)["parameters"]).toContain("a fox on a teal");
  });

  test("keeps the theme that is chosen", async () => {
    await using studio = await opened();
    const { page } = studio;
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await page.getByRole("button", { name: "Theme: as the system; change" }).click();
    await expect.poll(background).not.toBe(light);
    const dark = await background();
    await page.reload();
    await page.getByRole("button", { name: "Theme: dark; change" }).waitFor();
    expect(await background()).toBe(dark);
  });

  test("offers a smaller size where memory is short, in a server's words for it as well", async () => {
    await using studio = await opened();
    const { page } = studio;
    const error = { code: "out_of_memory", message: "Cannot run: there is not enough memory" };
    await page.route("**/jobs", (route) => route.fulfill({ status: 400, json: { error } }), { times: 1 });
    await studio.make();
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.textContent()).toContain("not enough memory. A smaller size takes less memory.");
    await studio.accessible("out of memory", ".status");
    await page.getByRole("button", { name: "Use 32 × 32" }).click();
    expect(await page.getByLabel("Width").inputValue()).toBe("32");
    await studio.make();
    await studio.done();
  });
});

/** Notes what the page tells screen readers. */
function hearOutput(): void {
  const told: string[] = [];
  Object.assign(globalThis, { told });
  const output = document.querySelector("output[aria-live]");
  if (output === null) return;
  new MutationObserver(() => told.push(output.textContent ?? "")).observe(output, {
    ...{ subtree: true, childList: true, characterData: true },
  });
}
