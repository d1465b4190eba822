import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { encodePng } from "../../src/image/png.ts";
import { plainImage } from "../../src/image/rgb-image.ts";
import { fixturePath } from "../support/fixtures.ts";
import { call, serving } from "./serving.ts";

/** What an address leads to, should anybody follow it. */
let visits = 0;
const bait = createServer((_, response) => {
  visits++;
  response.end(encodePng(plainImage(64, 64)));
}).listen(0, "127.0.0.1");
await once(bait, "listening");
const { port } = bait.address() as AddressInfo;

const path = fixturePath("pipelines/sd15/model");
const server = await serving({ steered: { path, controlnet: fixturePath("adapters/sd15/controlnet-0") }, plain: path });
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  bait.close();
});

const picture = Buffer.from(encodePng(plainImage(64, 64))).toString("base64");
const asked = { prompt: "a fox", steps: 1, width: 64, height: 64 };
const unit = (image: string) => ({ alwayson_scripts: { controlnet: { args: [{ image }] } } });

/** Every place where a picture is taken as text. */
const PLACES: readonly (readonly [string, (address: string) => readonly [string, object]])[] = [
  ["the picture of a job", (image) => ["/jobs", { options: { ...asked, image } }]],
  ["one of several pictures of a job", (image) => ["/jobs", { options: { ...asked, image: [picture, image] } }]],
  ["the mask of a job", (mask) => ["/jobs", { options: { ...asked, image: picture, mask } }]],
  ["what steers a job", (image) => ["/jobs", { options: { ...asked, controlImage: image } }]],
  ["what steers a job, by another name", (image) => ["/jobs", { options: { ...asked, control_image: [image] } }]],
  ["what img2img starts from", (image) => ["/sdapi/v1/img2img", { ...asked, init_images: [image] }]],
  ["the mask of img2img", (mask) => ["/sdapi/v1/img2img", { ...asked, init_images: [picture], mask }]],
  ["what a ControlNet sees", (image) => ["/sdapi/v1/txt2img", { ...asked, ...unit(image) }]],
  ["a picture whose text is asked for", (image) => ["/sdapi/v1/png-info", { image }]],
  [
    "an argument of a script",
    (image) => ["/sdapi/v1/txt2img", { ...asked, alwayson_scripts: { deepcache: { args: [{ image }] } } }],
  ],
];

const ADDRESSES = [
  `http://127.0.0.1:${port}/a.png`,
  `HTTP://localhost:${port}/a.png`,
  `  http://127.0.0.1:${port}/a.png`,
  `http://[::ffff:127.0.0.1]:${port}/`,
  `http://2130706433:${port}/`,
  `http://0x7f.1:${port}/`,
  `http://user@127.0.0.1:${port}/`,
  `//127.0.0.1:${port}/a.png`,
  "http://169.254.169.254/latest/meta-data/",
  "http://10.0.0.1/",
  "http://192.168.0.1/",
  "https://example.com/a.png",
  "file:///etc/passwd",
  "ftp://127.0.0.1/a",
  "gopher://127.0.0.1:6379/_FLUSHALL",
  "blob:http://127.0.0.1/1",
  "/etc/passwd",
  "../../../etc/passwd",
  "\\\\127.0.0.1\\share\\a.png",
];

describe("An address or a path is not followed", () => {
  test.each(PLACES)("as %s", async (_, request) => {
    for (const address of ADDRESSES) {
      const [path, body] = request(address);
      const { status, body: answer } = await call(server.url, path, body);
      const shown = `${address}: ${JSON.stringify(answer).slice(0, 200)}`;
      expect(status, shown).toBe(400);
      expect(JSON.stringify(answer), shown).toMatch(
        /Cannot read \\?"(image|mask|controlImage|control_image|init_images)/,
      );
      expect(JSON.stringify(answer)).not.toContain("root:");
    }
    expect(visits).toBe(0);
  });

  test("as a field of a form that is to be a file", async () => {
    for (const address of ADDRESSES) {
      for (const field of ["image", "image[]", "image_url", "mask"]) {
        const form = new FormData();
        form.set("prompt", "a fox");
        form.set("steps", "1");
        if (field === "mask") form.set("image", new Blob([Buffer.from(picture, "base64")]), "a.png");
        form.set(field, address);
        const { status } = await fetch(`${server.url}/v1/images/edits`, { method: "POST", body: form });
        expect(status, `${field} ${address}`).toBe(400);
      }
    }
    expect(visits).toBe(0);
  });

  test("as the name of a file in a form, which is not looked at", async () => {
    const form = new FormData();
    form.set("prompt", "a fox");
    form.set("steps", "1");
    form.set("model", "plain");
    form.set("strength", "1");
    form.set("image", new Blob([Buffer.from(picture, "base64")]), "../../../etc/passwd");
    const response = await fetch(`${server.url}/v1/images/edits`, { method: "POST", body: form });
    expect(response.status).toBe(200);
  });
});
