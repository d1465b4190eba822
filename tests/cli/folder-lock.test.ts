import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ownerToken } from "../../src/checkpoint/files/owner.ts";
import { lockFolder } from "../../src/cli/evaluate/folder-lock.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-lock-"));
afterAll(() => rmSync(folder, { recursive: true }));

const [place, boot, id, started] = ownerToken().split("-");
const lockOf = (token: string): string => join(folder, `process-${token}.lock`);
const locks = (): string[] => readdirSync(folder).sort();

/** Takes and gives back the folder beside a lock that is there already. */
function takeBeside(token: string): void {
  writeFileSync(lockOf(token), "process 1 of elsewhere\n");
  lockFolder(folder)[Symbol.dispose]();
}

test("A folder is one process's until it is given back", () => {
  const lock = lockFolder(folder);
  expect(() => lockFolder(folder)).toThrow(`process ${process.pid} of `);
  lock[Symbol.dispose]();
  expect(locks()).toEqual([]);
  lockFolder(folder)[Symbol.dispose]();
});

test.each([
  ["that is no longer there", `${place}-${boot}-999999999-1`],
  ["of this number that began at another time", `${place}-${boot}-${id}-${Number(started) + 1}`],
  ["from before the machine was started", `${place}-00000000-${id}-${started}`],
])("The lock of a process %s is of no account", (_, token) => {
  takeBeside(token);
  expect(locks()).toEqual([]);
});

test("A process elsewhere, of the same number, has a folder as long as it renews its lock", () => {
  const token = `00000000-${boot}-${id}-${started}`;
  expect(() => takeBeside(token)).toThrow(`process 1 of elsewhere does; if it does not, delete "${lockOf(token)}"`);
  expect(locks()).toEqual([`process-${token}.lock`]);
  const before = new Date(Date.now() - 3_600_000);
  utimesSync(lockOf(token), before, before);
  lockFolder(folder)[Symbol.dispose]();
  expect(existsSync(lockOf(token))).toBe(false);
});
