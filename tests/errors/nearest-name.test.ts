import { expect, test } from "vitest";
import { nearestName } from "../../src/errors/nearest-name.ts";

const NAMES = ["ddim", "euler-karras", "off"];

test.each([
  ["dimm", "ddim"],
  ["Euler_Karras", "euler-karras"],
  ["of", "off"],
  ["heun", undefined],
  ["", undefined],
])("%j is nearly %j", (name, near) => {
  expect(nearestName(name, NAMES)).toBe(near);
});

test("there is nothing to be near to in an empty list", () => {
  expect(nearestName("ddim", [])).toBeUndefined();
});
