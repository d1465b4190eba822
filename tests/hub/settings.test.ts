import { expect, test } from "vitest";
import type { HubOptions } from "../../src/hub/hub-options.ts";
import { type HubSettings, hubSettings } from "../../src/hub/settings.ts";

const settings = async (
  variables: Readonly<Record<string, string>>,
  { options = {}, files = {} }: { options?: HubOptions; files?: Readonly<Record<string, string>> } = {},
): Promise<HubSettings> =>
  await hubSettings(options, { variables, homeFolder: "/home/me", readText: async (path) => files[path] });

test.each<[Readonly<Record<string, string>>, string]>([
  [{}, "/home/me/.cache/huggingface/hub"],
  [{ XDG_CACHE_HOME: "/xdg" }, "/xdg/huggingface/hub"],
  [{ XDG_CACHE_HOME: "/xdg", HF_HOME: "/hf" }, "/hf/hub"],
  [{ HF_HOME: "~/hf" }, "/home/me/hf/hub"],
  [{ HF_HOME: "$DISK/hf", DISK: "/big" }, "/big/hf/hub"],
  [{ HF_HOME: "/hf", HUGGINGFACE_HUB_CACHE: "/old" }, "/old"],
  [{ HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: "/new" }, "/new"],
])("%j keeps models in %s", async (variables, folder) => {
  expect((await settings(variables)).cacheFolder).toBe(folder);
});

test.each<[Readonly<Record<string, string>>, Readonly<Record<string, string>>, string | undefined]>([
  [{}, {}, undefined],
  [{}, { "/home/me/.cache/huggingface/token": "of-file\n" }, "of-file"],
  [{ HF_HOME: "/hf" }, { "/hf/token": "of-home" }, "of-home"],
  [{ HF_TOKEN_PATH: "/secret" }, { "/secret": "of-path", "/home/me/.cache/huggingface/token": "of-file" }, "of-path"],
  [{ HUGGING_FACE_HUB_TOKEN: "old" }, { "/home/me/.cache/huggingface/token": "of-file" }, "old"],
  [{ HUGGING_FACE_HUB_TOKEN: "old", HF_TOKEN: " new " }, {}, "new"],
])("%j with files %j has the token %s", async (variables, files, token) => {
  expect((await settings(variables, { files })).token).toBe(token);
});

test("options go before variables", async () => {
  const options = { cacheFolder: "/mine", endpoint: "https://mirror/", token: "mine", offline: false };
  const variables = { HF_HUB_CACHE: "/hf", HF_ENDPOINT: "https://other", HF_TOKEN: "theirs", HF_HUB_OFFLINE: "1" };
  const found = await settings(variables, { options });
  expect(found).toMatchObject({ cacheFolder: "/mine", endpoint: "https://mirror", token: "mine", offline: false });
});

test.each(["1", "ON", "yes", "True"])("HF_HUB_OFFLINE=%s asks nobody", async (HF_HUB_OFFLINE) => {
  expect((await settings({ HF_HUB_OFFLINE })).offline).toBe(true);
});

test.each(["0", "", "off"])("HF_HUB_OFFLINE=%j asks", async (HF_HUB_OFFLINE) => {
  expect((await settings({ HF_HUB_OFFLINE })).offline).toBe(false);
});

test("an endpoint that is no address is refused", async () => {
  await expect(settings({ HF_ENDPOINT: "hub" })).rejects.toThrow('Cannot use "hub" as the hub\'s endpoint');
});
