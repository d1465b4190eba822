import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { servedSource } from "../../src/checkpoint/bytes/byte-sources/served.ts";
import { servedFiles } from "../../src/checkpoint/files/served.ts";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { openModel } from "../../src/systems/open-model.ts";
import { defaultTokenizerFolder } from "../../src/systems/shipped.ts";
import { type ServeOptions, serveFiles } from "../support/browser/serve.ts";
import { fixturePath } from "../support/fixtures.ts";
import { temporaryFolder } from "./files.ts";

const serve = (folder: string, options?: ServeOptions) => serveFiles((path) => join(folder, path), options);
const BYTES = Uint8Array.from({ length: 300_000 }, (_, i) => i);

describe("servedSource()", () => {
  test("reads ranges, those that came with the size without another request", async () => {
    await using server = await serve(temporaryFolder({ weights: BYTES }));
    const source = await servedSource(`${server.url}/weights`);
    expect(source?.size).toBe(300_000);
    expect(await source?.read(10, 20)).toEqual(BYTES.slice(10, 30));
    expect(await source?.read(200_000, 5)).toEqual(BYTES.slice(200_000, 200_005));
    expect(server.asked).toEqual(["/weights bytes=0-131071", "/weights bytes=200000-200004"]);
    await expect(source?.read(299_999, 2)).rejects.toThrow('weights": it has 300000 bytes');
  });

  test("fetches a small file whole for the first Blob, says how far it has come, and asks no more", async () => {
    await using server = await serve(temporaryFolder({ weights: BYTES }));
    const told: number[] = [];
    const source = await servedSource(`${server.url}/weights`, { onFetched: ({ loaded }) => void told.push(loaded) });
    const blobs = await Promise.all([source?.blob?.(1, 2), source?.blob?.(250_000, 3)]);
    expect(
      await Promise.all(blobs.map(async (blob) => [...new Uint8Array((await blob?.arrayBuffer()) ?? [])])),
    ).toEqual([[...BYTES.slice(1, 3)], [...BYTES.slice(250_000, 250_003)]]);
    expect(await source?.read(299_000, 1)).toEqual(BYTES.slice(299_000, 299_001));
    expect(server.asked).toEqual(["/weights bytes=0-131071", "/weights"]);
    expect(told.at(-1)).toBe(300_000);
  });

  test("is nothing where the server has no such file, or answers with a page", async () => {
    await using server = await serve(temporaryFolder({ "index.html": "<!doctype html>" }));
    expect(await servedSource(`${server.url}/none`)).toBeUndefined();
    expect(await servedSource(`${server.url}/index.html`)).toBeUndefined();
  });

  test("takes a whole file from a server that knows no ranges", async () => {
    await using server = await serve(temporaryFolder({ weights: BYTES }), { whole: true });
    const source = await servedSource(`${server.url}/weights`);
    expect(source?.size).toBe(300_000);
    expect(await source?.read(299_998, 2)).toEqual(BYTES.slice(299_998));
    expect(server.asked.length).toBe(1);
  });

  test("refuses a file that has been changed since, and a server that cannot be reached", async () => {
    const folder = temporaryFolder({ weights: BYTES });
    const server = await serve(folder);
    const source = await servedSource(`${server.url}/weights`);
    writeFileSync(join(folder, "weights"), BYTES.slice(0, 200_001));
    await expect(source?.read(150_000, 5)).rejects.toThrow('weights": it has been changed since it was opened');
    await server[Symbol.asyncDispose]();
    await expect(source?.read(150_000, 5)).rejects.toThrow('weights": the server cannot be reached');
    await expect(servedSource(`${server.url}/weights`)).rejects.toThrow("the server cannot be reached");
  });

  test("does not ask for what is known", async () => {
    await using server = await serve(temporaryFolder({ weights: BYTES }));
    const known = new Map();
    await servedSource(`${server.url}/weights`, { known });
    await servedSource(`${server.url}/none`, { known });
    const again = structuredClone(known);
    expect((await servedSource(`${server.url}/weights`, { known: again }))?.size).toBe(300_000);
    expect(await servedSource(`${server.url}/none`, { known: again })).toBeUndefined();
    expect(server.asked.length).toBe(2);
  });
});

describe("servedFiles()", () => {
  const MODEL = fixturePath("pipelines/sd15/model");

  test("finds the files of a model by its index and the names that models have", async () => {
    await using server = await serve(MODEL);
    const files = servedFiles(`${server.url}/`);
    expect([...(await files.list())]).toEqual(expect.arrayContaining(["model_index.json", "unet", "vae", "tokenizer"]));
    expect([...(await files.at("scheduler").list())]).toEqual(["scheduler_config.json"]);
    const { kind } = await openModel({ path: files, tokenizer: defaultTokenizerFolder() });
    expect(kind).toBe("text-to-image");
  });

  test("opens a network's own folder, and one whose files are listed", async () => {
    await using server = await serve(fixturePath("models/unet-sd15"));
    const found = await openComponent(servedFiles(server.url));
    const listed = await openComponent(
      servedFiles(server.url, { files: ["config.json", "diffusion_pytorch_model.safetensors"] }),
    );
    expect([...listed.weights.keys()]).toEqual([...found.weights.keys()]);
    const none = servedFiles(server.url, { files: ["config.json"] });
    await expect(openComponent(none)).rejects.toThrow("Cannot find weights");
  });

  test("opens a vocabulary in a folder of its own", async () => {
    await using server = await serve(defaultTokenizerFolder());
    expect([...(await servedFiles(server.url).list("the tokenizer"))]).toEqual(["vocab.json", "merges.txt"]);
  });

  test("says what a server has not, and refuses paths that leave the folder", async () => {
    await using server = await serve(temporaryFolder());
    const files = servedFiles(`${server.url}/models/none`);
    await expect(files.list("the model")).rejects.toThrow(
      `Cannot read the model "${server.url}/models/none": the server has no file there under a name that models have`,
    );
    await expect(files.open("config.json")).rejects.toThrow('none/config.json": there is no such file');
    await expect(files.at("unet").open("../x")).rejects.toThrow("it is no path below this folder");
  });
});
