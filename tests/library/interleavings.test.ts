import fc from "fast-check";
import { expect, test } from "vitest";
import { anyPipeline } from "../../src/pipelines/any-pipeline.ts";
import type { GenerateRequest } from "../../src/pipelines/generate-request.ts";
import type { GenerationResult } from "../../src/pipelines/run/events.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openModel } from "../../src/systems/open-model.ts";
import { defaultTokenizerFolder } from "../../src/systems/shipped.ts";
import { fixturePath } from "../support/fixtures.ts";
import { countingRuntime } from "../support/runtimes/counting-runtime.ts";

const opened = await openModel({ path: fixturePath("pipelines/ddpm/model"), tokenizer: defaultTokenizerFolder() });
const node = nodeRuntime();
const open = (busy?: "wait" | "reject" | "replace", keepLoaded = true) => {
  const runtime = countingRuntime(node);
  return { runtime, pipeline: anyPipeline(opened, "tiny", { runtime, keepLoaded, queue: { busy } }) };
};
const SHAPES: readonly GenerateRequest[] = [
  { seed: 1, steps: 3 },
  { seed: 2, steps: 4, count: 2, cache: { kind: "uniform", interval: 2, branch: 0 } },
];

test("two runs of different shapes at a time give what they give alone, bit for bit", async () => {
  const alone: GenerationResult[] = [];
  for (const request of SHAPES) {
    const { pipeline } = open();
    alone.push(await pipeline.generate(request));
    await pipeline.dispose();
  }
  const { pipeline, runtime } = open();
  const together = await Promise.all(SHAPES.map((request) => pipeline.generate(request)));
  expect(together.map(({ latents }) => latents)).toEqual(alone.map(({ latents }) => latents));
  await pipeline.dispose();
  expect([runtime.sessions, runtime.tensors]).toEqual([0, 0]);
});

test("two cold runs of one shape load once", async () => {
  const { pipeline, runtime } = open();
  const request = { seed: 1, steps: 3, cache: { kind: "uniform", interval: 2, branch: 0 } } as const;
  const alone = open();
  await alone.pipeline.generate(request);
  await Promise.all([pipeline.generate(request), pipeline.generate(request)]);
  expect(runtime.sessions).toBe(alone.runtime.sessions);
  expect(runtime.loads).toBe(alone.runtime.loads);
  await Promise.all([pipeline.dispose(), alone.pipeline.dispose()]);
});

/** What becomes of a run: it ends, is aborted after some events, is left after some, or is held and forgotten. */
const fate = fc.oneof(
  fc.constant({ kind: "end" as const }),
  fc.record({ kind: fc.constantFrom("abort" as const, "leave" as const, "forget" as const), after: fc.nat(6) }),
);
const plan = fc.record({
  busy: fc.constantFrom("wait" as const, "reject" as const, "replace" as const),
  keepLoaded: fc.boolean(),
  runs: fc.array(fc.record({ shape: fc.nat(SHAPES.length - 1), delay: fc.nat(3), fate }), {
    minLength: 1,
    maxLength: 4,
  }),
  disposeAfter: fc.nat(12),
});
const ALLOWED = ["BUSY", "DISPOSED"];

test("no interleaving of runs, aborts, leaves and disposal leaves anything loaded", async () => {
  await fc.assert(
    fc.asyncProperty(plan, async ({ busy, keepLoaded, runs, disposeAfter }) => {
      const { pipeline, runtime } = open(busy, keepLoaded);
      const live = runs.map(async ({ shape, delay, fate }) => {
        await sleep(delay);
        const controller = new AbortController();
        let told = 0;
        try {
          const events = pipeline.stream({ ...SHAPES[shape], signal: controller.signal });
          if (fate.kind === "forget") {
            // Held at an event for ever: only disposal ends it.
            for (let i = 0; i <= fate.after; i++) if ((await events.next()).done) break;
            return;
          }
          for await (const _event of events) {
            if (fate.kind !== "end" && told++ >= fate.after) {
              if (fate.kind === "leave") break;
              controller.abort();
            }
          }
        } catch (error) {
          const { name, code } = error as { readonly name?: string; readonly code?: string };
          if (name !== "AbortError" && !ALLOWED.includes(String(code))) throw error;
        }
      });
      await sleep(disposeAfter);
      await pipeline.dispose();
      await Promise.all(live);
      expect([runtime.sessions, runtime.tensors]).toEqual([0, 0]);
      await expect(pipeline.generate({ seed: 1 })).rejects.toThrow(expect.objectContaining({ code: "DISPOSED" }));
    }),
    { numRuns: 200 },
  );
}, 120_000);

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
