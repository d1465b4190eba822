import { expect, test } from "vitest";
import { CheckpointError } from "../../src/checkpoint/errors.ts";
import { DeepCacheError } from "../../src/errors/deepcache-error.ts";
import { type AnyPipeline, anyPipeline } from "../../src/pipelines/any-pipeline.ts";
import type { GenerateRequest } from "../../src/pipelines/generate-request.ts";
import type { PipelineEvent } from "../../src/pipelines/run/events.ts";
import type { Busy } from "../../src/pipelines/run/queue.ts";
import { type HostListener, type HostThread, remotePipeline } from "../../src/remote/caller.ts";
import { errorData, errorFrom } from "../../src/remote/error-data.ts";
import { hostPipeline } from "../../src/remote/host.ts";
import type { News, Order } from "../../src/remote/messages.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openModel } from "../../src/systems/open-model.ts";
import { defaultTokenizerFolder } from "../../src/systems/shipped.ts";
import { fixturePath } from "../support/fixtures.ts";
import { countingRuntime } from "../support/runtimes/counting-runtime.ts";

const opened = await openModel({ path: fixturePath("pipelines/ddpm/model"), tokenizer: defaultTokenizerFolder() });
const node = nodeRuntime();
const CACHED = { seed: 2, steps: 4, count: 2, cache: { kind: "uniform", interval: 2, branch: 0 } } as const;

/** Both ends of a line in one thread; all that crosses it is cloned, as between threads. */
function line({ busy, open }: { busy?: Busy; open?: () => Promise<AnyPipeline> } = {}) {
  const runtime = countingRuntime(node);
  const held: boolean[] = [];
  const orders: Order<string>["kind"][] = [];
  let listener: HostListener | undefined;
  let starts = 0;
  const start = (heard: HostListener): HostThread<string> => {
    starts += 1;
    listener = heard;
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const carryOut = hostPipeline<string>({
      tell(news: News) {
        const sent = structuredClone(news);
        setImmediate(() => {
          heard.hear(sent);
          if (sent.kind === "ended") end();
        });
      },
      open: open ?? (async (name) => anyPipeline(opened, name, { runtime, queue: { busy } })),
    });
    return {
      post(order) {
        orders.push(order.kind);
        const sent = structuredClone(order);
        setImmediate(() => carryOut(sent));
      },
      hold: (now) => void held.push(now),
      ended,
    };
  };
  const local = anyPipeline(opened, "tiny", { runtime: node });
  const pipeline = remotePipeline(local, { model: "tiny", start });
  return { pipeline, local, runtime, held, orders, starts: () => starts, gone: (why: Error) => listener?.gone(why) };
}

const told = async (pipeline: AnyPipeline, request: GenerateRequest): Promise<PipelineEvent[]> => {
  const events: PipelineEvent[] = [];
  for await (const event of pipeline.stream(request)) events.push(event);
  return events;
};
const withoutTimes = (events: readonly PipelineEvent[]): unknown =>
  JSON.parse(JSON.stringify(events, (key, value) => (/seconds|phase/i.test(key) ? undefined : value)));

test("a pipeline elsewhere tells what it tells here, and nothing starts before its first run", async () => {
  const { pipeline, local, starts, runtime } = line();
  expect((await pipeline.plan(CACHED)).evaluations).toEqual((await local.plan(CACHED)).evaluations);
  expect(starts()).toBe(0);
  const [there, here] = [await told(pipeline, CACHED), await told(local, CACHED)];
  expect(withoutTimes(there)).toEqual(withoutTimes(here));
  expect(starts()).toBe(1);
  await pipeline.dispose();
  expect([runtime.sessions, runtime.tensors]).toEqual([0, 0]);
});

test("a run that is aborted ends at once for its caller, and later ones run", async () => {
  const { pipeline, orders } = line();
  const controller = new AbortController();
  const reason = new Error("enough");
  const events = pipeline.stream({ seed: 1, steps: 50, signal: controller.signal });
  for (let i = 0; i < 4; i++) await events.next();
  controller.abort(reason);
  await expect(events.next()).rejects.toBe(reason);
  expect(orders).toEqual(["open", "run", "abort"]);
  expect((await pipeline.generate({ seed: 1, steps: 2 })).steps).toBe(2);
  await expect(pipeline.generate({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  await pipeline.dispose();
});

test("a run that is left ends, so that the next one has its turn", async () => {
  const { pipeline, held } = line();
  for await (const event of pipeline.stream({ seed: 1, steps: 50 })) if (event.type === "evaluation") break;
  expect((await pipeline.generate({ seed: 1, steps: 2 })).steps).toBe(2);
  expect(held.at(-1)).toBe(false);
  await pipeline.dispose();
});

test.each(["wait", "reject", "replace"] as const)("runs at a time %s as they do here", async (busy) => {
  const { pipeline } = line({ busy });
  const runs = [1, 2].map((seed) => pipeline.generate({ seed, steps: 3 }));
  const ends = (await Promise.allSettled(runs)).map((end) =>
    end.status === "fulfilled" ? "done" : [end.reason.name, end.reason.code, end.reason instanceof Error],
  );
  expect(ends).toEqual(
    {
      wait: ["done", "done"],
      reject: ["done", ["DeepCacheError", "BUSY", true]],
      replace: [["AbortError", DOMException.ABORT_ERR, true], "done"],
    }[busy],
  );
  await pipeline.dispose();
});

test("disposal ends what runs, is waited for, and leaves nothing; later runs are refused", async () => {
  const { pipeline, runtime } = line();
  const run = pipeline.generate({ seed: 1, steps: 100 });
  const refused = expect(run).rejects.toThrow(expect.objectContaining({ code: "DISPOSED" }));
  await new Promise((resolve) => setTimeout(resolve, 30));
  await Promise.all([pipeline.dispose(), pipeline.dispose()]);
  await refused;
  expect([runtime.sessions, runtime.tensors]).toEqual([0, 0]);
  await expect(pipeline.generate({ seed: 1 })).rejects.toThrow(expect.objectContaining({ code: "DISPOSED" }));
});

test("a model that cannot be opened there is told to every run, and is no obstacle to disposal", async () => {
  const open = (): Promise<AnyPipeline> =>
    Promise.reject(new CheckpointError('Cannot read "x"', { code: "MODEL_NOT_FOUND" }));
  const { pipeline } = line({ open });
  for (let i = 0; i < 2; i++) {
    const error = await pipeline.generate({ seed: 1 }).catch((reason) => reason);
    expect(error).toBeInstanceOf(CheckpointError);
    expect([error.message, error.code]).toEqual(['Cannot read "x"', "MODEL_NOT_FOUND"]);
  }
  await pipeline.dispose();
});

test("a thread that fails takes its runs along, and the next run starts another", async () => {
  const { pipeline, gone, starts } = line();
  const run = pipeline.generate({ seed: 1, steps: 100 });
  const failed = expect(run).rejects.toThrow("It broke");
  await new Promise((resolve) => setTimeout(resolve, 10));
  gone(new Error("It broke"));
  await failed;
  expect((await pipeline.generate({ seed: 1, steps: 2 })).steps).toBe(2);
  expect(starts()).toBe(2);
  await pipeline.dispose();
});

test.each([
  new TypeError("a"),
  new RangeError("b"),
  new DeepCacheError("OUT_OF_MEMORY", "c", { cause: new Error("d") }),
  new CheckpointError("e"),
  new DOMException("f", "AbortError"),
  Object.assign(new Error("g"), { name: "EvaluationError" }),
])("an error crosses as what it is: %s", (error) => {
  const there = errorFrom(structuredClone(errorData(error)));
  expect(there).toBeInstanceOf(error.constructor);
  expect([there.name, there.message]).toEqual([error.name, error.message]);
  expect((there as DeepCacheError).code).toBe((error as DeepCacheError).code);
  expect(there.cause === undefined ? undefined : String(there.cause)).toBe(
    error.cause === undefined ? undefined : String(error.cause),
  );
});
