import type { Browser } from "playwright-core";
import { expect } from "vitest";
import { type StudioPage, studioPage } from "./studio-page.ts";

/** A studio that is closed at the end of its scope, where whatever went wrong in it fails the test. */
export type OpenedStudio = StudioPage & AsyncDisposable;

/** A fresh profile with the studio of the server at `url` in it, which may ask that server alone. */
export async function openServed(
  browser: Browser,
  url: string,
  { hash, width }: { readonly hash: string; readonly width: number },
): Promise<OpenedStudio> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const faults: string[] = [];
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !/^(blob|data):/.test(request.url())) faults.push(request.url());
  });
  await page.goto(`${url}/#${hash}`);
  await page.locator(".status.empty").waitFor();
  await expect.poll(() => page.locator(".estimate").textContent()).toContain("less to compute");
  return {
    ...studioPage(page),
    async [Symbol.asyncDispose]() {
      await context.close();
      expect(faults.filter((fault) => !/status of 4\d\d/.test(fault))).toEqual([]);
    },
  };
}
