import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserContext, chromium } from "playwright-core";
import { folderRepo } from "../../../../tests/hub/folder-repo.ts";
import { type TestHub, type TestRepo, testHub } from "../../../../tests/hub/test-hub.ts";
import { builtStudio } from "./built.ts";
import { CHROMIUM } from "./chromium.ts";
import { type StaticHost, staticHost } from "./static-host.ts";
import { type StudioPage, studioPage } from "./studio-page.ts";

/** What lies at a path of the repository. */
export const at = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));

/** The page takes the library as it is built: npm run build. */
export const isTestable = CHROMIUM !== undefined && existsSync(at("dist/index-browser.js"));

/** A model of random weights, which runs in a moment. */
export const FOLDER = at("tests/fixtures/pipelines/sd15/model");

/** A studio in a profile of its own. */
export type OwnStudio = StudioPage & AsyncDisposable & { readonly context: BrowserContext };

/** The studio as a page that runs models itself, on a host of files, with a hub for it. */
export interface OwnPage extends AsyncDisposable {
  readonly built: string;
  readonly host: StaticHost;
  readonly hub: TestHub;
  /** Opens it in a profile of its own, which keeps what it is given. */
  opened(args?: readonly string[]): Promise<OwnStudio>;
}

/** Builds the page, and serves it. */
export async function ownPage(): Promise<OwnPage> {
  const files = folderRepo(FOLDER);
  const repos: Record<string, TestRepo> = {
    "org/tiny": { files },
    "org/gated": { files, gated: true, token: "secret" },
  };
  const hub = await testHub(repos);
  const built = builtStudio("production", `${hub.endpoint} ${hub.storage}`);
  const host = await staticHost(built);
  return {
    ...{ built, host, hub },
    async opened(args = []) {
      const context = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "profile-")), {
        executablePath: CHROMIUM ?? "",
        args: ["--no-sandbox", ...args],
        viewport: { width: 1440, height: 900 },
        reducedMotion: "reduce",
      });
      const page = await context.newPage();
      page.setDefaultTimeout(40_000);
      await page.goto(`${host.url}/#steps=3&previewEvery=1`);
      await page.locator(".status.empty").waitFor();
      return { ...studioPage(page), context, [Symbol.asyncDispose]: () => context.close() };
    },
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      await hub[Symbol.asyncDispose]();
    },
  };
}
