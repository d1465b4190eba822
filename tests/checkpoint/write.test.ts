import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ownerToken } from "../../src/checkpoint/files/owner.ts";
import { makeFolder, writePieces, writeWhole } from "../../src/checkpoint/files/write.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-write-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]): string => join(folder, ...names);

const WRITERS = {
  "writeWhole()": async (path: string, text: string) => writeWhole(path, text),
  "writePieces()": (path: string, text: string) => writePieces(path, [new TextEncoder().encode(text)]),
};

describe.each(Object.entries(WRITERS))("%s", (name, write) => {
  const file = (path: string): string => at(`${name[5]}-${path}`);

  test("keeps a link, and replaces the file that it leads to", async () => {
    mkdirSync(file("elsewhere"));
    writeFileSync(join(file("elsewhere"), "target"), "old");
    symlinkSync(join(file("elsewhere"), "target"), file("link"));
    await write(file("link"), "new");
    expect(lstatSync(file("link")).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(file("elsewhere"), "target"), "utf8")).toBe("new");
    expect(readdirSync(file("elsewhere"))).toEqual(["target"]);
  });

  test("refuses a link that leads nowhere, a folder, and a pipe, which stay as they are", async () => {
    symlinkSync("nowhere", file("broken"));
    await expect(write(file("broken"), "x")).rejects.toThrow('it is a link to "nowhere", which is not there');
    mkdirSync(file("folder"));
    await expect(write(file("folder"), "x")).rejects.toThrow("it is a folder");
    execFileSync("mkfifo", [file("pipe")]);
    await expect(write(file("pipe"), "x")).rejects.toThrow("it is a device or a pipe, a regular file is required");
    expect(lstatSync(file("pipe")).isFIFO()).toBe(true);
  });

  test("names the file where its folder is none", async () => {
    writeFileSync(file("plain"), "");
    await expect(write(join(file("plain"), "x"), "x")).rejects.toThrow(`Cannot write "${join(file("plain"), "x")}"`);
  });
});

test("What a killed process left in a folder goes with the next file that is written there; of others' it is kept", async () => {
  const [place, boot] = ownerToken().split("-");
  const leftover = (token: string): string => `a.${token}.00000000-0000-0000-0000-000000000000.incomplete`;
  const [dead, own, elsewhere, old] = [
    leftover(`${place}-${boot}-999999999-1`),
    leftover(ownerToken()),
    leftover(`00000000-${boot}-1-1`),
    leftover(`00000001-${boot}-1-1`),
  ];
  mkdirSync(at("left"));
  for (const name of [dead, own, elsewhere, old, "b.incomplete"]) writeFileSync(at("left", name), "");
  utimesSync(at("left", old), new Date(0), new Date(0));
  await writePieces(at("left", "a"), []);
  expect(readdirSync(at("left")).sort()).toEqual(["a", own, elsewhere, "b.incomplete"].sort());
});

test("What cannot be made to the end leaves nothing behind, and what was there stays", async () => {
  async function* failing() {
    yield new Uint8Array(4);
    throw new Error("no more");
  }
  mkdirSync(at("torn"));
  writeFileSync(at("torn", "a"), "old");
  await expect(writePieces(at("torn", "a"), failing())).rejects.toThrow("no more");
  expect(readdirSync(at("torn"))).toEqual(["a"]);
  expect(readFileSync(at("torn", "a"), "utf8")).toBe("old");
});

describe("makeFolder()", () => {
  test("makes what is missing, and takes what is there", () => {
    makeFolder(at("made", "of", "several"));
    makeFolder(at("made", "of", "several"));
    expect(existsSync(at("made", "of", "several"))).toBe(true);
  });

  test("says of a file in its way that it is no folder", () => {
    writeFileSync(at("plain"), "");
    expect(() => makeFolder(at("plain"))).toThrow(expect.objectContaining({ code: "ENOTDIR", syscall: "mkdir" }));
    expect(() => makeFolder(at("plain", "below"))).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
  });

  test.runIf(existsSync("/proc/self"))("fails where no folder can be made, rather than trying for ever", () => {
    expect(() => makeFolder("/proc/deepcache/folder")).toThrow("ENOENT");
  });
});
