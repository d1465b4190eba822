import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { hubPlaces } from "../../src/systems/from-hub/hub-places.ts";
import * as models from "../../src/systems/resolve-model.ts";
import { defaultModelFolder } from "../../src/systems/shipped.ts";

const { resolveArchitecture } = models;
const places = hubPlaces({ offline: true });
const resolveModel = async (name: string) => await models.resolveModel(name, places);
const resolveWeights = async (name: string) => await models.resolveWeights(name, places);

const folder = mkdtempSync(join(tmpdir(), "deepcache-resolve-"));
const home = process.cwd();
afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

test("a name is a path, the embedded model, or a built-in architecture, also in short", async () => {
  expect(await resolveModel(folder)).toEqual({ kind: "path", path: folder });
  expect(await resolveWeights("fluent-scenes")).toBe(defaultModelFolder());
  for (const name of ["sd15", "SD15", "stable-diffusion-v1-5"]) {
    expect(await resolveModel(name)).toMatchObject({ kind: "architecture", name: "stable-diffusion-v1-5" });
  }
  expect(resolveArchitecture("sdxl")).toBe("stable-diffusion-xl");
});

test("a folder comes before an architecture of its name", async () => {
  mkdirSync(join(folder, "sdxl"));
  process.chdir(folder);
  expect(await resolveModel("sdxl")).toEqual({ kind: "path", path: "sdxl" });
});

test.each([
  ["sdlx", "did you mean sdxl or sd15"],
  ["sdx", '"sdx": there is no such file or folder; did you mean sdxl'],
  ["stable-difusion-xl", "did you mean stable-diffusion-xl"],
  ["fluent-scene", "did you mean fluent-scenes?"],
  ["unheard-of", "and it is none of fluent-scenes, sd15,"],
  ["models/nowhere.safetensors", '"models/nowhere.safetensors": there is no such file or folder'],
])("%s is missed, and what is near it named", async (name, message) => {
  const missed = await resolveModel(name).catch((error: unknown) => error);
  expect(missed).toMatchObject({ code: "MODEL_NOT_FOUND", message: expect.stringContaining(message) });
});

test("an architecture has no weights to run", async () => {
  await expect(resolveWeights("sd21")).rejects.toThrow(
    'Cannot run "sd21": it names the built-in architecture of Stable Diffusion 2.1, which has no weights; give the path',
  );
  expect(() => resolveArchitecture("sd22")).toThrow('Cannot find architecture "sd22"; did you mean sd21');
});
