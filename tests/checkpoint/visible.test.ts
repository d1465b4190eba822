import { expect, test } from "vitest";
import { visible } from "../../src/checkpoint/bytes/limits.ts";

test("What a terminal would obey is shown instead", () => {
  expect(visible("\u001b[31mred\u0007\r\u009b2J\0")).toBe("\\u001b[31mred\\u0007\\u000d\\u009b2J\\u0000");
});

test("Lines, tabs and letters of all kinds stay", () => {
  const text = "a fox\n\tä 漢 🦊 ﷽ ±";
  expect(visible(text)).toBe(text);
});
