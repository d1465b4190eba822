import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect } from "vitest";

/** What tests do with a studio that is open. */
export interface StudioPage {
  readonly page: Page;
  make(): Promise<void>;
  /** Waits until the pair is done. */
  done(timeout?: number): Promise<void>;
  /** Drops files on the page. */
  drop(files: readonly { readonly name: string; readonly bytes: Uint8Array }[]): Promise<void>;
  /** Drops what lies on disk, as from a file manager. */
  dropFromDisk(path: string): Promise<void>;
  /** Looks for what breaks WCAG 2.2 AA in the page as it is now, or in a part of it, in both themes. */
  accessible(state: string, part?: string): Promise<void>;
  /** The buttons whose words do not fit into them, on one line. */
  tooNarrow(): Promise<readonly string[]>;
  /** The form as its link says it. */
  link(): Promise<string>;
}

const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** A page of the studio; whatever it writes to the console fails the test. */
export function studioPage(page: Page): StudioPage {
  return {
    page,
    make: () => page.keyboard.press("Control+Enter"),
    async done(timeout = 90_000) {
      await page.locator(".status:is(.done, .error)").waitFor({ timeout });
      expect(await page.locator(".failure").allTextContents()).toEqual([]);
      await page.locator(".speedup").waitFor();
    },
    async drop(files) {
      const sent = files.map(({ name, bytes }) => ({ name, base64: Buffer.from(bytes).toString("base64") }));
      const data = await page.evaluateHandle((all) => {
        const transfer = new DataTransfer();
        for (const { name, base64 } of all) {
          transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
        }
        return transfer;
      }, sent);
      await page.dispatchEvent("body", "drop", { dataTransfer: data });
    },
    async dropFromDisk(path) {
      const session = await page.context().newCDPSession(page);
      const data = { items: [], files: [path], dragOperationsMask: 1 };
      for (const type of ["dragEnter", "dragOver", "drop"] as const) {
        await session.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
      }
      await session.detach();
    },
    async accessible(state, part = "html") {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        // Themes differ in nothing but colours.
        const axe = new AxeBuilder({ page }).include(part);
        const { violations } = await (colorScheme === "dark"
          ? axe.withRules(["color-contrast"])
          : axe.withTags(WCAG)
        ).analyze();
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
        expect(found, `${state}, ${colorScheme}`).toEqual([]);
      }
      await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    },
    tooNarrow: () => page.evaluate(buttonsTooNarrow),
    link: () => page.evaluate(() => location.hash),
  };
}

function buttonsTooNarrow(): readonly string[] {
  const padding = (element: Element, side: string): number =>
    Number.parseFloat(getComputedStyle(element).getPropertyValue(`padding-${side}`));
  const words = (element: Element): DOMRect => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return range.getBoundingClientRect();
  };
  return [...document.querySelectorAll("button:not(:has(img))")]
    .filter((element) => !element.classList.contains("plain") && element.getBoundingClientRect().width > 0)
    .filter((element) => {
      const [own, within] = [element.getBoundingClientRect(), words(element)];
      const isWide = within.right > own.right - padding(element, "right") + 1.5;
      return isWide || within.height > 2 * Number.parseFloat(getComputedStyle(element).fontSize);
    })
    .map(({ textContent }) => textContent ?? "");
}
