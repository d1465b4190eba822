import { expect, test } from "vitest";
import { nearNames } from "../../src/errors/near-names.ts";

const NAMES = ["ddim", "ddpm", "euler-karras", "off"];

test.each([
  ["ddin", "ddim"],
  ["dpdm", "ddpm"], // letters that changed places
  ["DDPM", "ddpm"],
  ["Euler_Karras", "euler-karras"],
  ["of", "off"],
  ["heun", undefined],
  ["", undefined],
])("%j is nearly %j", (name, near) => {
  expect(nearNames(name, NAMES)[0]).toBe(near);
});

test("there is nothing to be near to in an empty list", () => {
  expect(nearNames("ddim", [])).toEqual([]);
});
