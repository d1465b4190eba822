import { readFileSync, writeFileSync } from "node:fs";

/** Changes fields of a JSON file. */
export function changeJson(path: string, change: object): void {
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...change }));
}
