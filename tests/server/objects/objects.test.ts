import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, describe, expect, test } from "vitest";
import { expiringName, sweep } from "../../../src/server/objects/expiring-names.ts";
import { type ObjectStore, PICTURES } from "../../../src/server/objects/object-store.ts";
import { openObjects } from "../../../src/server/objects/open-objects.ts";
import { redisObjects } from "../../../src/server/objects/stores/redis.ts";
import { sharedStore } from "../../../src/server/pictures/stores/shared.ts";
import { HAS_REDIS, redisServer } from "../queue/redis-server.ts";
import { s3Server } from "./s3-server.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-objects-"));
const s3 = await s3Server();
const redis = HAS_REDIS ? await redisServer() : undefined;
const connection = redis && new Redis(redis.url);
afterAll(async () => {
  connection?.disconnect();
  await redis?.[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const STORES: Readonly<Record<string, () => Promise<ObjectStore>>> = {
  "a folder": () => openObjects(join(folder, "objects"), {}),
  "a bucket": () => openObjects(`s3://${s3.bucket}/some/prefix`, s3.environment),
  ...(connection === undefined ? {} : { Redis: async () => redisObjects(connection, "test", 60) }),
};
const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

describe.each(Object.entries(STORES))("Files in %s", (_, open) => {
  test("are what was put there last, until they are removed", async () => {
    const store = await open();
    expect(await store.get("pictures/a.png")).toBeUndefined();
    await store.put("pictures/a.png", bytes(1, 2, 3), "image/png");
    await store.put("pictures/a.png", bytes(0, 255, 10, 13).subarray(1), "image/png");
    await store.put("pictures/empty", bytes());
    expect(await store.get("pictures/a.png")).toEqual(bytes(255, 10, 13));
    expect(await store.get("pictures/empty")).toEqual(bytes());
    await store.remove("pictures/a.png");
    await store.remove("pictures/a.png");
    expect(await store.get("pictures/a.png")).toBeUndefined();
  });

  test.each(["../a", "a/../../b", "/etc/passwd", "a//b", "", ".", "a/.", "a b", "a\nb", "%2e%2e/a", "a?b=c", "a\\b"])(
    "cannot be called %j",
    async (name) => {
      const store = await open();
      await expect(store.put(name, bytes(1))).rejects.toThrow(/Cannot use the name/);
      await expect(store.get(name)).rejects.toThrow(/Cannot use the name/);
      await expect(store.remove(name)).rejects.toThrow(/Cannot use the name/);
    },
  );

  test("go once they are kept no more", async () => {
    const store = await open();
    const [old, young] = [expiringName("jobs", 5000), expiringName("jobs", 9000)];
    for (const name of [old, young, "jobs/other"]) await store.put(name, bytes(1));
    if ((await store.list("jobs")).length === 0) return; // they go by themselves
    expect(await store.list("jobs")).toEqual([old, young, "jobs/other"]);
    await sweep(store, "jobs", 6000);
    expect(await store.list("jobs")).toEqual([young, "jobs/other"]);
    await sweep(store, "nothing", 6000);
  });

  test("are pictures that another server finds by their address, for a while", async () => {
    let time = 1000;
    const [one, other] = [await open(), await open()].map((store) =>
      sharedStore(store, { seconds: 60, now: () => time }),
    );
    const picture = { bytes: bytes(1, 2) as Uint8Array<ArrayBuffer>, type: "image/webp" } as const;
    const name = (await one?.keep(picture)) ?? "";
    expect(name).toMatch(/^\d{10}-[0-9a-f-]{36}\.webp$/);
    expect(await other?.find(name)).toEqual(picture);
    time = 62_000;
    expect(await other?.find(name)).toBeUndefined();
    for (const wrong of ["../jobs/other", "a", `${PICTURES}/${name}`, "__proto__"]) {
      expect(await other?.find(wrong)).toBeUndefined();
    }
  });
});

test("A folder holds whole files alone, under their names", async () => {
  const store = await openObjects(join(folder, "alone"), {});
  await store.put("pictures/a.png", bytes(1));
  expect(readdirSync(join(folder, "alone", "pictures"))).toEqual(["a.png"]);
});

describe("A bucket", () => {
  const open = (environment: Readonly<Record<string, string>> = {}, place = `s3://${s3.bucket}`) =>
    openObjects(place, { ...s3.environment, ...environment });

  test("is asked again where it is too busy to answer", async () => {
    const store = await open();
    s3.failNext(503, 500);
    await store.put("a", bytes(1));
    expect(await store.get("a")).toEqual(bytes(1));
  });

  test("that refuses is named with what it says", async () => {
    const store = await open({ AWS_SECRET_ACCESS_KEY: "wrong" });
    const message = `Cannot write "a" to s3://${s3.bucket}: the store answers 403 SignatureDoesNotMatch`;
    await expect(store.put("a", bytes(1))).rejects.toThrow(message);
    const other = await open({}, "s3://another");
    await expect(other.get("a")).rejects.toThrow(
      'Cannot read "a" from s3://another: the store answers 404 NoSuchBucket',
    );
  });

  test("that does not answer is named", async () => {
    const store = await open({ AWS_ENDPOINT_URL: "http://127.0.0.1:1" });
    await expect(store.get("a")).rejects.toThrow(/Cannot read from s3:.*: the store does not answer/);
  });
});

test.each([
  ["s3://bucket", {}, /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are required/],
  ["s3://Bu cket/a", {}, /buckets have small letters/],
  ["s3://bucket/../a", {}, /buckets have small letters/],
  ["https://example.com/a", {}, /a folder or s3:\/\/BUCKET\/PREFIX is required/],
])("The store %j is refused", async (place, environment, message) => {
  await expect(openObjects(place, environment)).rejects.toThrow(message);
});

test("A folder that cannot be written to is named", async () => {
  writeFileSync(join(folder, "file"), "");
  const store = await openObjects(join(folder, "file"), {});
  await expect(store.put("a", bytes(1))).rejects.toThrow(/Cannot write ".*file/);
});
