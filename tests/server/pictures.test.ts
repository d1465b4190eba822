import { expect, test } from "vitest";
import { eventStream, type ServerEvent } from "../../src/server/event-stream.ts";
import { memoryStore } from "../../src/server/pictures/stores/memory.ts";

const picture = (bytes: number) => ({ bytes: new Uint8Array(bytes), type: "image/png" }) as const;

test("A picture is found by its name for as long as it is kept", async () => {
  let time = 0;
  const store = memoryStore({ seconds: 60, now: () => time });
  const name = await store.keep(picture(10));
  expect(name).toMatch(/^[0-9a-f-]{36}\.png$/);
  time = 59_000;
  expect(await store.find(name)).toMatchObject({ type: "image/png" });
  time = 60_001;
  expect(await store.find(name)).toBeUndefined();
});

test("Of more pictures than may be kept, the oldest go", async () => {
  const store = memoryStore({ bytes: 25 });
  const names = [await store.keep(picture(10)), await store.keep(picture(10)), await store.keep(picture(10))];
  expect(await Promise.all(names.map(async (name) => (await store.find(name)) !== undefined))).toEqual([
    false,
    true,
    true,
  ]);
});

test("Nothing is saved where there is no folder for it", async () => {
  expect(await memoryStore().save(picture(1))).toBe(false);
});

const text = (events: AsyncGenerator<ServerEvent>, heartbeat?: number) => {
  const onError = (error: unknown) => ({ event: "error", data: { message: String(error) } });
  return eventStream(events, { abort: () => {}, onError, ...(heartbeat === undefined ? {} : { heartbeat }) }).text();
};

test("A stream that has nothing to tell says that it is still there", async () => {
  async function* slow(): AsyncGenerator<ServerEvent> {
    await new Promise((resolve) => setTimeout(resolve, 50));
    yield { event: "done", id: 7, data: { a: "b\nc" } };
  }
  expect(await text(slow(), 20)).toMatch(/^(: still here\n\n)+event: done\nid: 7\ndata: \{"a":"b\\nc"\}\n\n$/);
});

test("A stream that fails ends with an event that says so", async () => {
  async function* failing(): AsyncGenerator<ServerEvent> {
    yield { data: {} };
    throw new Error("broken");
  }
  expect(await text(failing())).toBe('data: {}\n\nevent: error\ndata: {"message":"Error: broken"}\n\n');
});
