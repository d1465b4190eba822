import { expect, test } from "vitest";
import { webStore } from "../../../src/hub/stores/web/web-store.ts";
import { ADVICE, forVisitors } from "../src/engine/hub-words.ts";

test("what the library advises programs is said to visitors in their own words", () => {
  const { token, room } = webStore().advice;
  expect(ADVICE.map(([program]) => program)).toEqual([token, room]);
  const error = Object.assign(new Error(`Cannot download "org/name": it is gated; accept its terms, and ${token}`), {
    code: "ACCESS_DENIED",
  });
  expect(forVisitors(error)).toMatchObject({
    message:
      'Cannot download "org/name": it is gated; accept its terms, and give a token that may read it, in "From the hub"',
    code: "ACCESS_DENIED",
  });
  const other = new Error("Cannot open it");
  expect(forVisitors(other)).toBe(other);
});
