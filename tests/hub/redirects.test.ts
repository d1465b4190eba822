import { expect, test } from "vitest";
import { request } from "../../src/hub/http/request.ts";

const led = (steps: Readonly<Record<string, string>>) => {
  const asked: [string, string | null][] = [];
  const fetch = async (url: URL, init: RequestInit): Promise<Response> => {
    asked.push([url.href, new Headers(init.headers).get("authorization")]);
    const location = steps[url.href];
    return location === undefined ? new Response("here") : new Response(null, { status: 302, headers: { location } });
  };
  return { asked, fetch };
};

test("a token stays with its origin, also where redirects come back to it", async () => {
  const { asked, fetch } = led({
    "https://hub/a": "/b",
    "https://hub/b": "https://storage/c",
    "https://storage/c": "https://hub/d",
  });
  await request(new URL("https://hub/a"), { token: "secret" }, fetch);
  expect(asked).toEqual([
    ["https://hub/a", "Bearer secret"],
    ["https://hub/b", "Bearer secret"],
    ["https://storage/c", null],
    ["https://hub/d", "Bearer secret"],
  ]);
});

test.each([
  ["https://hub/a", "http://hub/a", "which is not encrypted"],
  ["https://hub/a", "file:///etc/passwd", "it leads to file://"],
  ["https://hub/a", "https://hub/a", "from address to address, more than 10 times"],
  ["http://hub/a", "http://[", "no address"],
])("%s does not lead to %s", async (from, to, message) => {
  await expect(request(new URL(from), {}, led({ [from]: to }).fetch)).rejects.toThrow(message);
});
