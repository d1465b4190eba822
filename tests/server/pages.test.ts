import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { studioPages } from "../../src/cli/serve/studio.ts";
import { serving, TINY } from "./serving.ts";

const folder = await mkdtemp(join(tmpdir(), "studio-"));
await mkdir(join(folder, "assets"));
await writeFile(join(folder, "index.html"), "<!doctype html><title>studio</title>");
await writeFile(join(folder, "assets/studio-1a.js"), "export {};");
await writeFile(join(folder, "assets/studio.map"), "{}");

test("Files for browsers are sent without a key, and nothing else is", async () => {
  await using server = await serving(TINY, { apiKey: "secret", pages: await studioPages(folder) });
  const at = (path: string) => fetch(new URL(path, server.url));
  const index = await at("/");
  expect([index.status, index.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect(await index.text()).toContain("<title>studio</title>");
  expect(index.headers.get("content-security-policy")).toContain("default-src 'self'");
  expect(index.headers.get("cache-control")).toBe("no-cache");
  const asset = await at("/assets/studio-1a.js");
  expect([asset.headers.get("content-type"), asset.headers.get("cache-control")]).toEqual([
    "text/javascript; charset=utf-8",
    "public, max-age=31536000, immutable",
  ]);
  for (const path of ["/assets/studio.map", "/assets/", "/index.html", "/jobs/1"]) {
    expect([path, (await at(path)).status]).toEqual([path, 401]);
  }
});

test("A server without files for browsers has no page", async () => {
  await using server = await serving(TINY);
  expect((await fetch(server.url)).status).toBe(404);
  expect(await studioPages(join(folder, "missing"))).toEqual({});
});
