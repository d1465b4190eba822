import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestHub } from "../../../tests/hub/test-hub.ts";
import { isTestable, type OwnPage, ownPage } from "./support/own-page.ts";
import type { StaticHost } from "./support/static-host.ts";

let own: OwnPage;
let host: StaticHost;
let hub: TestHub;

beforeAll(async () => {
  if (!isTestable) return;
  own = await ownPage();
  ({ host, hub } = own);
}, 120_000);

afterAll(() => own?.[Symbol.asyncDispose]());

describe.skipIf(!isTestable)("models of the hub in the studio as a page", () => {
  test("downloads a model of the hub when it is asked to, keeps it, and then asks nobody", async () => {
    await using studio = await own.opened();
    const { page, context } = studio;
    const dialog = page.getByRole("dialog", { name: "From the hub" });
    const order = async (id: string, token = ""): Promise<void> => {
      await page.getByRole("button", { name: "From the hub…" }).click();
      await dialog.getByLabel("Model", { exact: true }).fill(id);
      await dialog.getByLabel("Token, for private").fill(token);
      await dialog.getByRole("button", { name: "Download and open" }).click();
    };
    const chosen = () => page.locator(".model-bar select").inputValue();
    const weights = () => hub.seen.filter(({ host }) => host.startsWith("localhost")).map(({ range }) => range);
    hub.seen.length = 0;
    await order("tiny");
    await dialog.getByText("An id such as org/name is required").waitFor();
    await studio.accessible("hub", "dialog[open]");
    await page.keyboard.press("Escape");
    expect(hub.seen).toEqual([]);

    await order("org/gated");
    const alert = page.getByRole("alert");
    await expect
      .poll(() => alert.textContent(), { timeout: 30_000 })
      .toMatch(/^Cannot download "org\/gated": it is gated \(403\); .*token that may read it, in "From the hub"/);
    hub.faults.push(...Array.from({ length: 8 }, () => ({ kind: "stall" }) as const));
    await order("org/gated", "secret");
    const opening = () => page.locator(".status.opening").textContent();
    await expect.poll(opening, { timeout: 20_000 }).toMatch(/^Fetching org\/gated from 127.* kB of \d+ kB/);
    await expect.poll(opening, { timeout: 20_000 }).toContain("waiting for the network");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.locator(".status.empty").waitFor();
    hub.faults.length = 0;
    hub.seen.length = 0;
    await order("org/gated", "secret");
    await expect.poll(chosen, { timeout: 30_000 }).toBe("org/gated");
    expect(weights().some((range) => /^bytes=[1-9]\d*-$/.test(range ?? ""))).toBe(true);
    expect(await page.evaluate(() => Object.values(localStorage).join(" "))).not.toContain("secret");

    hub.seen.length = 0;
    await page.reload();
    await page.locator(".status.empty").waitFor();
    expect(await chosen()).toBe("org/gated");
    await studio.make();
    await studio.done();
    expect(hub.seen).toEqual([]);
    await context.setOffline(true);
    await page.getByRole("button", { name: "From the hub…" }).click();
    await dialog.getByText("There is no network").waitFor();
    expect(await dialog.getByRole("button", { name: "Download and open" }).isDisabled()).toBe(true);
    await page.keyboard.press("Escape");
    await context.setOffline(false);
    await page.getByRole("button", { name: /Processor/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await expect.poll(chosen, { timeout: 30_000 }).toBe("fluent-scenes");
    await expect.poll(() => page.evaluate(keptOfHub), { timeout: 30_000 }).toEqual([]);
  }, 300_000);

  test("runs a model of the hub without keeping it where there is no room for it and the visitor wants that", async () => {
    await using studio = await own.opened();
    const { page, context } = studio;
    const session = await context.newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: host.url, quotaSize: 300_000 });
    await page.getByRole("button", { name: "From the hub…" }).click();
    const dialog = page.getByRole("dialog", { name: "From the hub" });
    await dialog.getByLabel("Model", { exact: true }).fill("org/gated");
    await dialog.getByLabel("Token, for private").fill("secret");
    await dialog.getByRole("button", { name: "Download and open" }).click();
    const alert = page.getByRole("alert");
    await expect
      .poll(() => alert.textContent(), { timeout: 30_000 })
      .toMatch(/^Cannot keep the model: the browser gives this page no more room.* downloaded again at every visit\./);
    await studio.accessible("no room", ".status");
    hub.seen.length = 0;
    await page.getByRole("button", { name: "Run it without keeping it" }).click();
    const chosen = () => page.locator(".model-bar select").inputValue();
    await expect.poll(chosen, { timeout: 30_000 }).toBe("org/gated");
    expect(await page.locator(".news").textContent()).toContain("org/gated is not kept");
    await studio.make();
    await studio.done();
    expect(hub.seen.some(({ range }) => /^bytes=\d+-\d+$/.test(range ?? ""))).toBe(true);
    expect(await page.evaluate(keptOfHub).catch(() => [])).toEqual([]);
    await page.getByRole("button", { name: /Processor/ }).click();
    await page.getByText("from the hub at every visit, not kept").waitFor();
    await page.setViewportSize({ width: 320, height: 900 });
    expect(await studio.tooNarrow()).toEqual([]);
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.getByRole("dialog").getByRole("button", { name: "Forget" }).click();
    await expect.poll(chosen).toBe("fluent-scenes");
  }, 300_000);
});

/** What is kept of the hub. */
async function keptOfHub(): Promise<readonly string[]> {
  let at = await navigator.storage.getDirectory();
  for (const name of ["deepcache", "hub"]) at = await at.getDirectoryHandle(name);
  const found: string[] = [];
  for await (const name of at.keys()) found.push(name);
  return found.filter((name) => name.startsWith("models--"));
}
