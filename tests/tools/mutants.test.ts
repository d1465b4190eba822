import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MUTANTS, SURVIVORS } from "../../tools/mutants/mutants.ts";

test.each(MUTANTS)("The fault $name can be put into $file, and its tests are there", ({ file, before, tests }) => {
  expect(readFileSync(file, "utf8").split(before)).toHaveLength(2);
  for (const path of tests.split(" ")) expect(existsSync(path), path).toBe(true);
});

test("Faults have names of their own, and those that may survive are among them", () => {
  const names = MUTANTS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(expect.arrayContaining([...SURVIVORS]));
});
