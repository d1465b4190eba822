import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../../src/checkpoint/errors.ts";
import { blobFiles } from "../../src/checkpoint/files/blobs.ts";
import { memoryFiles } from "../../src/checkpoint/files/memory.ts";
import { nodeFiles } from "../../src/checkpoint/files/node.ts";
import type { Files, WritableFiles } from "../../src/checkpoint/files.ts";
import { temporaryFolder } from "./files.ts";

const CONTENTS: Readonly<Record<string, string>> = {
  "model_index.json": "{}",
  "unet/config.json": '{"a": 1}',
  "unet/parts/one.bin": "1",
  "unet-other/config.json": "{}",
};

function onDisk(): WritableFiles {
  const folder = temporaryFolder();
  for (const [path, content] of Object.entries(CONTENTS)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return nodeFiles(folder);
}

const PLACES: Readonly<Record<string, () => Files>> = {
  "nodeFiles()": onDisk,
  "memoryFiles()": () => memoryFiles(CONTENTS, "m"),
  "blobFiles()": () =>
    blobFiles(
      Object.entries(CONTENTS).map(([path, content]) => [path, new Blob([content])]),
      "m",
    ),
};

const text = async (files: Files, path: string): Promise<string> => {
  const source = await files.open(path);
  return new TextDecoder().decode(await source.read(0, source.size));
};

describe.each(Object.entries(PLACES))("%s", (_, make) => {
  test("lists what lies directly in a folder", async () => {
    const files = make();
    expect([...(await files.list())].sort()).toEqual(["model_index.json", "unet", "unet-other"]);
    expect([...(await files.at("unet").list())].sort()).toEqual(["config.json", "parts"]);
    expect([...(await files.at("unet").at("parts").list())]).toEqual(["one.bin"]);
  });

  test("tells files from folders and from nothing", async () => {
    const files = make();
    expect(await files.kind("unet")).toBe("folder");
    expect(await files.kind("unet/config.json")).toBe("file");
    expect(await files.at("unet").kind("one.bin")).toBeUndefined();
  });

  test("opens files by their path from any folder above them", async () => {
    const files = make();
    expect(await text(files, "unet/config.json")).toBe('{"a": 1}');
    expect(await text(files.at("unet"), "parts/one.bin")).toBe("1");
    expect(await text(files.at("unet/parts"), "one.bin")).toBe("1");
  });

  test("calls folders and files by where they lie", async () => {
    const files = make();
    expect(files.at("unet").name).toBe(join(files.name, "unet"));
    expect((await files.at("unet").open("config.json")).name).toBe(join(files.name, "unet", "config.json"));
  });

  test("says what is not there, or not what was looked for", async () => {
    const files = make();
    const at = (name: string): string => join(files.name, name);
    await expect(files.open("none")).rejects.toThrow(`Cannot read "${at("none")}": there is no such file`);
    await expect(files.open("unet")).rejects.toThrow(`Cannot read "${at("unet")}": it is not a file`);
    await expect(files.at("none").list("the tokenizer")).rejects.toThrow(
      `Cannot read the tokenizer "${at("none")}": there is no such folder`,
    );
    await expect(files.at("model_index.json").list()).rejects.toThrow(
      `Cannot read the folder "${at("model_index.json")}": it is not a folder`,
    );
  });

  test.each(["../x", "unet/../../x", "..", ".", "", "/etc/passwd", "unet//config.json", "unet\\config.json", "a\0b"])(
    "refuses the path %j, which could lead out of the folder",
    async (path) => {
      const unet = make().at("unet");
      await expect(unet.open(path)).rejects.toThrow(/^Cannot open ".*" of ".*unet": it is no path below/);
      await expect(unet.kind(path)).rejects.toThrow(CheckpointError);
      expect(() => unet.at(path)).toThrow(CheckpointError);
    },
  );
});

const WRITABLE: Readonly<Record<string, () => WritableFiles>> = {
  "nodeFiles()": onDisk,
  "memoryFiles()": () => memoryFiles(CONTENTS),
};

describe.each(Object.entries(WRITABLE))("%s as a place to write", (_, make) => {
  const pieces = [new TextEncoder().encode("one "), new TextEncoder().encode("two")];

  test("puts files together from pieces, into folders that it makes, in place of older ones", async () => {
    const files = make();
    await files.at("new").write("deep/a.txt", pieces);
    await files.write("model_index.json", pieces);
    expect(await text(files, "new/deep/a.txt")).toBe("one two");
    expect(await text(files, "model_index.json")).toBe("one two");
    expect([...(await files.at("new/deep").list())]).toEqual(["a.txt"]);
  });

  test("leaves what was there when the pieces fail, and nothing else", async () => {
    const files = make();
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* pieces;
      throw new Error("no more");
    }
    await expect(files.at("unet").write("config.json", failing())).rejects.toThrow(/^no more$/);
    expect(await text(files, "unet/config.json")).toBe('{"a": 1}');
    expect([...(await files.at("unet").list())].sort()).toEqual(["config.json", "parts"]);
  });

  test("removes files, also those that are not there", async () => {
    const files = make();
    await files.remove("unet/config.json");
    await files.remove("unet/config.json");
    expect(await files.kind("unet/config.json")).toBeUndefined();
  });

  test("writes and removes nothing outside of the folder", async () => {
    const unet = make().at("unet");
    await expect(unet.write("../x", pieces)).rejects.toThrow("it is no path below this folder");
    await expect(unet.remove("../model_index.json")).rejects.toThrow("it is no path below this folder");
  });
});

test("nodeFiles() follows links, wherever they lead", async () => {
  const folder = temporaryFolder({ blob: "content" });
  mkdirSync(join(folder, "snapshot"));
  symlinkSync("../blob", join(folder, "snapshot", "file"));
  const source = await nodeFiles(join(folder, "snapshot")).open("file");
  expect(source.name).toBe(join(folder, "snapshot", "file"));
  expect(source.path).toBe(join(folder, "blob"));
});

test("nodeFiles() says what it cannot write", async () => {
  const folder = temporaryFolder({ taken: "" });
  await expect(nodeFiles(folder).write("taken/a", [])).rejects.toThrow(`Cannot write "${join(folder, "taken", "a")}"`);
  expect(readdirSync(folder)).toEqual(["taken"]);
});

test("blobFiles() keeps to the bytes of a file, and knows one version of it from another", async () => {
  const file = (lastModified: number) => new File(["12345678"], "a", { lastModified });
  const open = async (lastModified: number) => await blobFiles([["a", file(lastModified)]], "m").open("a");
  expect((await open(1)).identity).not.toBe((await open(2)).identity);
  await expect((await open(1)).read(4, 5)).rejects.toThrow('Cannot read 5 bytes at 4 of "m/a": it has 8 bytes');
});
