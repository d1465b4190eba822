import { setTimeout } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { type Graph, graphBuilder } from "../../src/onnx/graph.ts";
import { add, multiply } from "../../src/onnx/ops.ts";
import { abortable } from "../../src/runtime/abortable.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openGraph } from "../../src/runtime/node/open-graph.ts";
import { sessionThread } from "../../src/runtime/node/places/thread.ts";
import { memorySettings } from "../../src/runtime/sessions/memory-settings.ts";
import type { OpenedSession } from "../../src/runtime/sessions/opened-session.ts";
import type { Place } from "../../src/runtime/sessions/place.ts";
import { slowGraph, slowInput } from "./slow-graph.ts";

const x = { data: Float32Array.of(1, 2, 3), dims: [3] };

/** twice = 2x, squared = (2x)². */
function doubling(): Graph {
  const builder = graphBuilder("doubling");
  const input = builder.input("x", "F32", [3]);
  const twice = add(input, input);
  return builder.finish({ twice, squared: multiply(twice, twice) });
}

const open = (place: Place, graph: Graph, keep: readonly string[] = []): Promise<OpenedSession> =>
  openGraph(graph, { device: "cpu", threads: 1, memory: memorySettings(graph, false), keep }, place);

const counts = async (place: Place) => (await place.ask({ kind: "count" })).counts;

describe("a thread of sessions", () => {
  test("keeps what is asked for until it is freed, and hands over what is read", async () => {
    const place = sessionThread();
    await using session = await open(place, doubling(), ["twice"]);
    const { twice, squared } = await session.run({ x });
    if (twice === undefined || squared === undefined) throw new TypeError("a result is missing");
    expect(await counts(place), "the other one came with the answer").toEqual({ sessions: 1, tensors: 1 });
    expect((await squared.read()).data).toEqual(Float32Array.of(4, 16, 36));
    const next = await session.run({ x: twice });
    expect(await counts(place)).toEqual({ sessions: 1, tensors: 2 });
    expect((await twice.read()).data).toEqual(Float32Array.of(2, 4, 6));
    expect(await counts(place)).toEqual({ sessions: 1, tensors: 1 });
    next["twice"]?.free();
    expect(await counts(place)).toEqual({ sessions: 1, tensors: 0 });
  });

  test("takes again what has been read, and results of another thread", async () => {
    const [one, two] = [sessionThread(), sessionThread()];
    await using first = await open(one, doubling(), ["twice"]);
    await using second = await open(two, doubling(), ["twice"]);
    const { twice } = await first.run({ x });
    if (twice === undefined) throw new TypeError("a result is missing");
    for (const session of [second, first, second, first]) {
      const { squared } = await session.run({ x: twice });
      expect((await squared?.read())?.data).toEqual(Float32Array.of(16, 64, 144));
      expect((await twice.read()).data).toEqual(Float32Array.of(2, 4, 6));
    }
    expect([(await counts(one))?.tensors, (await counts(two))?.tensors]).toEqual([3, 3]);
    twice.free();
    expect([(await counts(one))?.tensors, (await counts(two))?.tensors]).toEqual([2, 2]);
  });

  test("runs in the order in which it is asked, whatever is read and freed meanwhile", async () => {
    const place = sessionThread();
    await using session = await open(place, doubling(), ["twice"]);
    const { twice } = await session.run({ x });
    if (twice === undefined) throw new TypeError("a result is missing");
    const running = session.run({ x: twice });
    const read = twice.read();
    const again = session.run({ x: twice });
    twice.free();
    expect((await read).data).toEqual(Float32Array.of(2, 4, 6));
    for (const run of [running, again]) {
      const results = await run;
      expect((await results["squared"]?.read())?.data).toEqual(Float32Array.of(16, 64, 144));
      results["twice"]?.free();
    }
    expect(await counts(place)).toEqual({ sessions: 1, tensors: 0 });
  });

  test("ends some time after the last session, and starts anew", async () => {
    const place = sessionThread({ linger: 20 });
    for (let i = 0; i < 3; i++) {
      const session = await open(place, doubling());
      const { twice } = await session.run({ x });
      await session[Symbol.asyncDispose]();
      await setTimeout(60);
      expect((await twice?.read())?.data, "results outlive it").toEqual(Float32Array.of(2, 4, 6));
    }
  });

  test("is there before the first question where it is told so, and ends where none comes", async () => {
    const heard: unknown[] = [];
    const channel = new BroadcastChannel("a thread that is begun");
    channel.onmessage = ({ data }) => void heard.push(data);
    const source = `
      import { parentPort } from "node:worker_threads";
      const channel = new BroadcastChannel("a thread that is begun");
      channel.postMessage("begun");
      parentPort.once("message", ({ question }) => {
        channel.postMessage(question === undefined ? "ended" : "asked");
        channel.close();
      });`;
    const place = sessionThread({ linger: 20, file: new URL(`data:text/javascript,${encodeURIComponent(source)}`) });
    place.begin();
    await vi.waitFor(() => expect(heard).toEqual(["begun", "ended"]), { timeout: 10_000 });
    channel.close();
  });

  test("that ends of itself lets whoever waits know, and is replaced", async () => {
    const file = new URL("../support/runtimes/failing-thread.js", import.meta.url);
    const place = sessionThread({ file });
    const session = await open(place, doubling());
    const error = new Error("The thread that runs networks has ended unexpectedly, with exit code 7");
    await expect(session.run({ x })).rejects.toThrow(error);
    await expect(Promise.all([session.run({ x }), session.run({ x })])).rejects.toThrow(error);
    await session[Symbol.asyncDispose]();
  });

  test("that fails says why", async () => {
    const place = sessionThread({ file: new URL("../support/runtimes/failing-thread.js", import.meta.url) });
    const failure = await place.ask({ kind: "read", tensor: 1, copy: false }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      message: "The thread that runs networks has failed",
      cause: { message: "odd tensor" },
    });
  });

  test("that has gone takes its sessions and tensors with it", async () => {
    const place = sessionThread({ linger: 0 });
    const session = await open(place, doubling(), ["twice"]);
    const { twice } = await session.run({ x });
    place.leave();
    place.leave(); // as if nothing were there
    await setTimeout(50);
    await expect(session.run({ x })).rejects.toThrow("Cannot run a network: the thread that it was in has ended");
    await expect(twice?.read()).rejects.toThrow("Cannot use a result: the thread that it was in has ended");
    place.enter();
    place.enter();
  });
});

describe("an AbortSignal in a thread", () => {
  test("leaves nothing of what was running", async () => {
    const place = sessionThread();
    const controller = new AbortController();
    await using session = await open(place, slowGraph(100), ["y"]);
    const run = abortable(
      () => session.run({ x: { data: slowInput.data, dims: slowInput.shape } }),
      controller.signal,
      ({ y }) => y?.free(),
    );
    controller.abort();
    await expect(run).rejects.toThrow("aborted");
    expect(await counts(place), "as soon as the graph has run").toEqual({ sessions: 1, tensors: 1 });
    expect(await counts(place)).toEqual({ sessions: 1, tensors: 0 });
  });

  test.each(["run", "load"] as const)("comes through while a graph is in its %s", async (slow) => {
    const runtime = nodeRuntime({ threads: 1 });
    const graph = slowGraph(300, slow);
    const reason = new Error("enough");
    const controller = new AbortController();
    const { signal } = controller;
    const begin = performance.now();
    const abort = async (): Promise<number> => {
      await setTimeout(20);
      controller.abort(reason);
      return performance.now();
    };
    if (slow === "load") {
      const [aborted] = await Promise.all([abort(), expect(runtime.load(graph, { signal })).rejects.toBe(reason)]);
      expect(performance.now() - aborted).toBeLessThan(50);
      await using session = await runtime.load(graph);
      expect(performance.now() - begin, "loading takes longer than that").toBeGreaterThan(100);
      expect(await session.run({ x: slowInput })).toHaveProperty("y");
      return;
    }
    await using session = await runtime.load(graph);
    const [aborted] = await Promise.all([
      abort(),
      expect(session.run({ x: slowInput }, { signal })).rejects.toBe(reason),
    ]);
    expect(performance.now() - aborted).toBeLessThan(50);
    const { y } = await session.run({ x: slowInput });
    expect((await y?.download())?.data[0]).toBeCloseTo(1, 4);
    await expect(session.run({ x: slowInput }, { signal })).rejects.toBe(reason);
  });
});
