import { readdirSync, readFileSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { studioPages } from "../../../src/cli/serve/studio.ts";
import { PARAMETERS_KEYWORD, parseParameters } from "../../../src/image/parameters.ts";
import { readPngText } from "../../../src/image/png-text.ts";
import { defaultModelFolder } from "../../../src/systems/shipped.ts";
import { type Serving, serving } from "../../../tests/server/serving.ts";
import { SLOW } from "../../../tests/support/slow.ts";
import { builtStudio } from "./support/built.ts";
import { CHROMIUM } from "./support/chromium.ts";
import { type OpenedStudio, openServed } from "./support/open-served.ts";
import { tooLarge } from "./support/sizes.ts";
import { focusedName, pressedAt, TAB_ORDER } from "./support/tab-order.ts";

let browser: Browser;
let server: Serving;
let built: string;
beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  built = builtStudio("server");
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  server = await serving(
    { "fluent-scenes": { path: defaultModelFolder(), thread: "caller", threads: 2 } },
    { pages: await studioPages(built) },
  );
});

afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
});

const QUICK = "steps=3&previewEvery=1";

const opened = ({ hash = QUICK, width = 1440 } = {}): Promise<OpenedStudio> =>
  openServed(browser, server.url, { hash, width });

describe.skipIf(CHROMIUM === undefined)("the studio that a server shows", { timeout: 240_000 }, () => {
  test("is within its budget", async () => {
    expect(readdirSync(built).sort()).toEqual(["assets", "icon.svg", "index.html"]); // nothing that runs models
    expect(await tooLarge(built, "server")).toEqual([]);
  });

  test("shows an example, then makes, compares and keeps a pair", async () => {
    await using studio = await opened();
    const { page } = studio;
    await expect.poll(() => page.getByText("An example").count()).toBe(1);
    expect(await page.locator(".lane img").count()).toBe(2);
    await page.getByRole("button", { name: /^this computer · CPU, 2 threads$/ }).waitFor();
    await page.getByRole("button", { name: "Make" }).click();
    await studio.done();
    expect(await page.locator(".took").allTextContents()).toEqual([
      expect.stringMatching(/^\d+\.\d\d s · 3 full$/),
      expect.stringMatching(/^\d+\.\d\d s · 2 full \+ 1 cached$/),
    ]);
    expect(await page.locator(".verdict").textContent()).toMatch(/× as fast.*less to compute.*PSNR .*SSIM/);
    expect(await page.locator(".thumb").count()).toBe(1);
    expect(await page.locator("[data-point]").count()).toBe(1);
    expect(await page.locator(".strip svg rect").count()).toBeGreaterThan(6);
    await page.reload();
    await expect.poll(() => page.locator(".thumb").count()).toBe(1);
  });

  test("saves a picture that says how it was made, and takes the settings of one that is dropped", async () => {
    await using studio = await opened();
    const { page } = studio;
    await studio.make();
    await studio.done();
    const before = await studio.link();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save PNG" }).first().click();
    const saved = await download;
    expect(saved.suggestedFilename()).toBe("a-fox-on-a-teal-background-1-n-3-branch-0-forecast.png");
    const bytes = readFileSync(await saved.path());
    const { prompt, settings } = parseParameters(readPngText(bytes)[PARAMETERS_KEYWORD] ?? "");
    expect([prompt, settings["Seed"], settings["DeepCache"]]).toEqual([
      "a fox on a teal background",
      "1",
      "uniform:3:0+warmup:2+forecast:0.75",
    ]);
    await page.getByLabel("Prompt", { exact: true }).fill("something else");
    await page.getByLabel("Seed").fill("77");
    await page.getByLabel("Way").selectOption("fast");
    await studio.drop([{ name: "saved.png", bytes }]);
    await page.getByText("has the settings of saved.png").waitFor();
    expect(new URLSearchParams((await studio.link()).slice(1)).get("guidanceScale")).toBe("4");
    await page.getByLabel("Guidance").fill("");
    expect(await studio.link()).toBe(before);
    await studio.make();
    await studio.done();
    const again = page.waitForEvent("download");
    await page.keyboard.press("Escape");
    await page.locator("#pair").focus();
    await page.keyboard.press("s");
    expect(readFileSync(await (await again).path())).toEqual(bytes);
    await page.getByRole("button", { name: "Undo" }).click();
    expect(await page.getByLabel("Prompt", { exact: true }).inputValue()).toBe("something else");
  });

  test("stops, keeps what is there, and makes again; a second Make while it makes changes nothing", async () => {
    await using studio = await opened({ hash: "steps=120&previewEvery=1&width=192&height=192" });
    const { page } = studio;
    const created = page.waitForResponse((response) => response.url().endsWith("/jobs"));
    await studio.make();
    await studio.make();
    await expect.poll(() => page.title(), { timeout: 20_000 }).toMatch(/^\d+\/240/);
    const { id } = (await (await created).json()) as { readonly id: string };
    const job = async () => (await fetch(`${server.url}/jobs/${id}`)).json() as Promise<{ readonly state?: string }>;
    expect((await job()).state).toBe("running");
    await page.reload();
    // Who leaves does not keep the server busy.
    await expect.poll(async () => (await job()).state, { timeout: 20_000 }).not.toBe("running");
    await page.locator(".status.empty").waitFor();
    await studio.make();
    await expect.poll(() => page.locator(".lane img").count(), { timeout: 20_000 }).toBe(2);
    await page.keyboard.press("Escape");
    await page.getByText(/Stopped at \d+ of 240 evaluations/).waitFor();
    expect(await page.locator(".lane img").count()).toBe(2);
    await studio.accessible("stopped");
    await page.getByLabel("Steps").fill("2");
    await page.getByLabel("Order").selectOption("fast");
    await studio.make();
    await expect.poll(() => page.locator(".took").first().textContent()).toBe("0.00 s · 0 full");
    await studio.done();
    expect(await page.locator(".took").allTextContents()).toEqual([
      expect.stringContaining("2 full"),
      expect.stringContaining("2 full"),
    ]);
    expect(await page.locator(".thumb").count()).toBe(1);
  });

  test("says what is wrong beside the field or in the engine's words, and leaves the form as it is", async () => {
    await using studio = await opened();
    const { page } = studio;
    await page.getByLabel("Way").selectOption("policy");
    await page.getByLabel("Policy").fill("uniforn:3");
    expect(await page.locator(".problem").textContent()).toContain('did you mean "uniform"');
    await studio.make();
    expect(await page.evaluate(() => document.activeElement?.closest(".field")?.className)).toContain("policy");
    await page.getByLabel("Policy").fill("uniform:3:99");
    await studio.make();
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.textContent()).toContain("branch");
    expect(await page.getByLabel("Policy").inputValue()).toBe("uniform:3:99");
    await studio.accessible("error");
    for (const [name, bytes] of [
      ["rubbish.bin", new Uint8Array(50)],
      ["broken.png", new Uint8Array(50)],
    ] as const) {
      await studio.drop([{ name, bytes }]);
      await expect.poll(() => alert.textContent()).toContain(name);
    }
    await page.getByRole("button", { name: "Dismiss" }).click();
    await page.getByLabel("Way").selectOption("copy");
    await studio.make();
    await studio.done();
  });

  test("tries more settings, and shows each point against the original", async () => {
    await using studio = await opened();
    const { page } = studio;
    await studio.make();
    await studio.done();
    expect(await page.locator(".how-timed").textContent()).toContain("took turns and made previews");
    await page.getByRole("button", { name: "Try more settings" }).click();
    await page.getByText(/to go/).waitFor();
    await expect.poll(() => page.locator(".points li").count(), { timeout: 40_000 }).toBeGreaterThan(3);
    // What was made in turns, with previews, is timed as the others are.
    expect(await page.locator(".how-timed").textContent()).toMatch(/^Each timed on its own, without previews[^:]*: /);
    expect(await page.locator(".points li").allTextContents()).toContainEqual(expect.stringMatching(/forecast: /));
    await page.getByRole("button", { name: "Stop trying" }).click();
    await page.locator(".trade-off summary").click();
    await studio.accessible("trade-off", ".trade-off");
    const first = page.locator(".points button").first();
    const name = (await first.textContent())?.split(":")[0] ?? "";
    await first.click();
    expect(await page.locator("figcaption").allTextContents()).toEqual(["Original", name]);
  });

  test("is used by its keys alone", async () => {
    await using studio = await opened();
    const { page } = studio;
    await page.keyboard.press("/");
    await page.keyboard.type("!");
    expect(await page.getByLabel("Prompt", { exact: true }).inputValue()).toContain("!");
    await studio.make();
    await studio.done();
    await page.getByLabel("Seed").focus();
    await page.keyboard.press("ArrowUp");
    await studio.make();
    await expect.poll(() => page.locator(".thumb").count(), { timeout: 20_000 }).toBe(2);
    await page.locator(".skip").focus();
    const walked: string[] = [];
    while (walked.at(-1) !== "Save all" && walked.length < 60) {
      await page.keyboard.press("Tab");
      walked.push(await page.evaluate(focusedName));
    }
    expect(walked).toEqual(TAB_ORDER);
    const pressedThumb = () => page.locator(".thumb").evaluateAll(pressedAt);
    expect(await pressedThumb()).toBe(0);
    await page.keyboard.press("ArrowRight");
    await expect.poll(pressedThumb).toBe(1);
    // An earlier picture stays beside whichever pair is chosen.
    await page.getByRole("button", { name: "Compare with" }).click();
    await page.locator("#pair").focus();
    await page.keyboard.press("ArrowLeft");
    await expect.poll(pressedThumb).toBe(0);
    expect(await page.locator("figcaption").allTextContents()).toEqual([
      "Original",
      "N=3 · branch 0 · forecast",
      "Earlier: N=3 · branch 0 · forecast · seed 1",
    ]);
    await studio.accessible("compared with an earlier picture", "#pair");
    await page.getByRole("button", { name: "Take away" }).click();
    expect(await page.locator(".earlier").count()).toBe(0);
    await page.locator("#pair").focus();
    const saved = page.waitForEvent("download");
    await page.keyboard.press("s");
    expect((await saved).suggestedFilename()).toMatch(/^a-fox-on-a-teal-background-2-.*png$/);
    await page.locator("#pair").focus();
    for (const [key, view] of [
      ["2", "slider"],
      ["3", "flip"],
      ["4", "difference"],
      ["1", "side"],
    ] as const) {
      await page.keyboard.press(key);
      await page.locator(`.pictures.${view}`).waitFor();
      if (view !== "side") await studio.accessible(view, "#pair");
    }
    await page.keyboard.down("Space");
    expect(await page.locator("figcaption").allTextContents()).toEqual(["Original"]);
    await page.keyboard.up("Space");
    expect(await page.locator("figcaption").count()).toBe(2);
    const seed = await page.getByLabel("Seed").inputValue();
    await page.keyboard.press("r");
    expect(await page.getByLabel("Seed").inputValue()).not.toBe(seed);
    await page.keyboard.press("u");
    expect(await page.getByLabel("Seed").inputValue()).toBe(seed);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await studio.accessible("keys", "dialog[open]");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: /this computer/ }).click();
    await page.getByText("Leaves this page").waitFor();
    await page.getByText(/^CPU, 2 threads, 127/).waitFor();
    await studio.accessible("doctor", "dialog[open]");
  });

  test("moves the slider by keys, and says where it stands", async () => {
    await using studio = await opened();
    const { page } = studio;
    await page.keyboard.press("2");
    const slider = page.getByRole("slider", { name: "Share of the original" });
    await slider.focus();
    const before = Number(await slider.getAttribute("aria-valuenow"));
    await expect
      .poll(async () => {
        await page.keyboard.press("ArrowRight", { delay: 300 }); // moves as often as the page draws meanwhile
        return Number(await slider.getAttribute("aria-valuenow"));
      })
      .toBeGreaterThan(before);
    expect(await slider.getAttribute("aria-valuetext")).toMatch(/^original \d+ %$/);
  });

  test.each(SLOW ? [320, 420, 720, 1024, 1440] : [320, 1440])(
    "fits into %i pixels, before, in and after a run",
    async (width) => {
      await using studio = await opened({ width, hash: "steps=30&previewEvery=1" });
      const { page } = studio;
      const check = async (state: string): Promise<void> => {
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(over, state).toBeLessThanOrEqual(0);
        const small = await page.evaluate(() =>
          [...document.querySelectorAll("button, select, input:not([type=file]), textarea, summary")]
            .map((element) => element.getBoundingClientRect())
            .filter(({ width: across, height }) => across > 0 && (height < 24 || across < 24)),
        );
        expect(small, state).toEqual([]);
        if (width === 320 || (width === 1440 && state === "done")) await studio.accessible(`${state}, ${width}`);
      };
      await check("empty");
      const placeOf = (selector: string) =>
        page.locator(selector).evaluate((element) => element.getBoundingClientRect().top);
      await studio.make();
      await page.locator(".status.running progress[value]").waitFor();
      const places = await Promise.all([".status", ".strip", ".trade-off"].map(placeOf));
      await check("running");
      await studio.done();
      expect(await Promise.all([".status", ".strip", ".trade-off"].map(placeOf))).toEqual(places);
      await check("done");
      if (width !== 1440) return;
      // Zoomed to 200 %, a page has half the pixels; text alone may be enlarged as well.
      await page.setViewportSize({ width: 720, height: 450 });
      await check("zoomed");
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.evaluate(() => document.documentElement.style.setProperty("font-size", "200%"));
      await check("with text of twice the size");
    },
  );
});
