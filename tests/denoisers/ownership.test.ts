import { describe, expect, test } from "vitest";
import { cut } from "../../src/deepcache/cut.ts";
import { cachedDenoiser, loadCut } from "../../src/denoisers/cached.ts";
import { directDenoiser } from "../../src/denoisers/direct.ts";
import type { Evaluation } from "../../src/denoisers/evaluation.ts";
import { samplerFromConfig } from "../../src/diffusion/samplers.ts";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { zeros } from "../../src/tensor/tensor.ts";
import { countingRuntime } from "../support/runtimes/counting-runtime.ts";
import { openNetwork } from "./networks.ts";

const now = (): number => 0;
const never = (): boolean => false;
const { network, sample, timestep, conditioning } = await openNetwork("unet-sd15");
const parts = cut(network, 2);
const node = nodeRuntime();

describe("an AbortSignal", () => {
  test.each([
    { when: "head", ran: ["head"] },
    { when: "trunk", ran: ["head", "trunk"] },
  ])("that comes during the $when stops the run before the next part", async ({ when, ran }) => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const runtime = countingRuntime(node, {
      afterRun: (graph) => {
        if (graph === when) controller.abort(reason);
      },
    });
    {
      await using sessions = await loadCut(runtime, parts);
      using denoiser = cachedDenoiser(sessions, { isFull: never }, { conditioning, now, signal: controller.signal });
      await expect(denoiser.predict(sample, timestep)).rejects.toBe(reason);
      expect(runtime.runs).toEqual(ran);
      expect(runtime.tensors, "the feature alone").toBe(when === "trunk" ? 1 : 0);
      await expect(denoiser.predict(sample, timestep)).rejects.toBe(reason);
      expect(runtime.runs, "nothing more").toEqual(ran);
    }
    expect([runtime.sessions, runtime.tensors]).toEqual([0, 0]);
  });

  test("that comes during the last part lets the evaluation end", async () => {
    const controller = new AbortController();
    const runtime = countingRuntime(node, {
      afterRun: (graph) => {
        if (graph === "tail") controller.abort();
      },
    });
    await using sessions = await loadCut(runtime, parts);
    using denoiser = cachedDenoiser(sessions, { isFull: never }, { conditioning, now, signal: controller.signal });
    expect((await denoiser.predict(sample, timestep)).shape).toEqual(sample.shape);
    await expect(denoiser.predict(sample, timestep)).rejects.toThrow("aborted");
    expect(runtime.runs).toEqual(["head", "trunk", "tail"]);
  });

  test("stops an uncut network before it runs", async () => {
    const runtime = countingRuntime(node);
    await using session = await runtime.load(network.graph);
    const signal = AbortSignal.abort();
    await expect(directDenoiser(session, { conditioning, now, signal }).predict(sample, timestep)).rejects.toThrow(
      "aborted",
    );
    expect([runtime.runs, runtime.tensors]).toEqual([[], 0]);
  });
});

describe("a failure", () => {
  test.each(["head", "trunk", "tail"])(
    "of the %s frees what the evaluation held, and can be tried again",
    async (part) => {
      let failing = true;
      const runtime = countingRuntime(node, {
        afterRun: (graph) => {
          if (failing && graph === part) throw new Error(`${part} fails`);
        },
      });
      const evaluations: Evaluation[] = [];
      {
        await using sessions = await loadCut(runtime, parts);
        const observe = (evaluation: Evaluation) => evaluations.push(evaluation);
        using denoiser = cachedDenoiser(sessions, { isFull: never }, { conditioning, now, observe });
        await expect(denoiser.predict(sample, timestep)).rejects.toThrow(`${part} fails`);
        expect(runtime.tensors, "the feature alone").toBe(part === "tail" ? 1 : 0);
        failing = false;
        await denoiser.predict(sample, timestep);
        expect(evaluations.map(({ index }) => index)).toEqual([0]);
      }
      expect([runtime.sessions, runtime.tensors]).toEqual([0, 0]);
    },
  );

  test.each(["head", "trunk", "tail"])("to load the %s releases the parts that are loaded", async (part) => {
    const runtime = countingRuntime(node, {
      beforeLoad: (graph) => {
        if (graph === part) throw new Error(`no memory for the ${part}`);
      },
    });
    await expect(loadCut(runtime, parts)).rejects.toThrow(`no memory for the ${part}`);
    expect(runtime.sessions).toBe(0);
  });
});

describe("leaving a sampler's loop early", () => {
  const sampler = samplerFromConfig(readSchedulerConfig({ _class_name: "DDIMScheduler" }), { steps: 5 });

  test("frees everything of a cut network", async () => {
    const runtime = countingRuntime(node);
    {
      await using sessions = await loadCut(runtime, parts);
      using denoiser = cachedDenoiser(sessions, { isFull: never }, { conditioning, now });
      for await (const { evaluation } of sampler.sample(denoiser, sample, zeros)) if (evaluation === 1) break;
      expect(runtime.runs).toEqual(["head", "trunk", "tail", "head", "tail"]);
      expect([runtime.sessions, runtime.tensors]).toEqual([3, 1]);
    }
    expect([runtime.sessions, runtime.tensors]).toEqual([0, 0]);
  });

  test("frees everything of a whole network", async () => {
    const runtime = countingRuntime(node);
    const evaluations: Evaluation[] = [];
    {
      await using session = await runtime.load(network.graph);
      const observe = (evaluation: Evaluation) => evaluations.push(evaluation);
      const denoiser = directDenoiser(session, { conditioning, now, observe });
      for await (const { evaluation } of sampler.sample(denoiser, sample, zeros)) if (evaluation === 2) break;
      expect([runtime.sessions, runtime.tensors]).toEqual([1, 0]);
    }
    expect(runtime.sessions).toBe(0);
    expect(evaluations.map(({ index, full, seconds }) => ({ index, full, seconds }))).toEqual(
      [0, 1, 2].map((index) => ({ index, full: true, seconds: { trunk: 0 } })),
    );
  });
});
