import { afterAll, describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { cut } from "../../src/deepcache/cut.ts";
import type { CachePolicy } from "../../src/deepcache/policies.ts";
import { fullEvaluations } from "../../src/deepcache/policies.ts";
import { type CutSessions, cachedDenoiser, loadCut, loadPair } from "../../src/denoisers/cached.ts";
import type { Evaluation } from "../../src/denoisers/evaluation.ts";
import { guidedDenoiser } from "../../src/denoisers/guided.ts";
import type { LoadedPart } from "../../src/denoisers/loaded-part.ts";
import type { Sampler } from "../../src/diffusion/sampler.ts";
import { samplerFromConfig } from "../../src/diffusion/samplers.ts";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { type Tensor, zeros } from "../../src/tensor/tensor.ts";
import { DDIM_RUN, NETWORK_CALL, PNDM_RUN } from "../support/assertions/tolerances.ts";
import { type FixtureFile, fixturePath, readFixture, row } from "../support/fixtures.ts";

const GUIDANCE = 7.5;

interface Run {
  readonly final: Tensor;
  readonly latents: readonly Tensor[];
  readonly predictions: readonly Tensor[];
  readonly full: readonly number[];
}

/** Runs a sampler over the fixture's inputs on a network cut at `branch`, recording everything. */
async function run(
  sessions: CutSessions,
  inputs: FixtureFile,
  sampler: Sampler,
  full: readonly number[],
): Promise<Run> {
  const evaluations: Evaluation[] = [];
  const predictions: Tensor[] = [];
  const conditioning = Object.fromEntries(
    ["context", "text_embeds", "time_ids"]
      .filter((name) => inputs.has(name))
      .map((name) => [name === "context" ? "encoder_hidden_states" : name, inputs.tensor(name)]),
  );
  using network = cachedDenoiser(
    sessions,
    { isFull: (evaluation) => full.includes(evaluation) },
    {
      conditioning,
      observe: (evaluation) => evaluations.push(evaluation),
      now: () => performance.now(),
    },
  );
  const recorded = {
    async predict(sample: Tensor, timestep: number): Promise<Tensor> {
      const prediction = await network.predict(sample, timestep);
      predictions.push(prediction);
      return prediction;
    },
  };
  const latents: Tensor[] = [];
  const denoiser = guidedDenoiser(recorded, { scale: GUIDANCE });
  for await (const { sample } of sampler.sample(denoiser, inputs.tensor("latent"), zeros)) latents.push(sample);
  const ran = evaluations.filter((evaluation) => evaluation.full).map(({ index }) => index);
  return { final: latents.at(-1) as Tensor, latents, predictions, full: ran };
}

function samplerOf(file: FixtureFile, className: string, fallback?: FixtureFile): Sampler {
  const config = JSON.parse(file.metadata["scheduler"] ?? fallback?.metadata["scheduler"] ?? "") as object;
  const steps = Number(file.metadata["num_inference_steps"]);
  return samplerFromConfig(readSchedulerConfig({ ...config, _class_name: className }), { steps });
}

describe.each(["unet-sd15", "unet-sd21", "unet-sdxl"])("%s", (name) => {
  const inputs = readFixture(`deepcache/${name}/inputs.safetensors`);
  const loaded = new Map<number, Promise<CutSessions>>();

  async function sessionsAt(branch: number): Promise<CutSessions> {
    const component = await openComponent(fixturePath(`models/${name}`));
    const [, contextLength = 0] = inputs.tensor("context").shape;
    const shape = { batch: 2, height: 8, width: 8, contextLength };
    return loadCut(nodeRuntime(), cut(unet(unetConfig(component.config), shape, component.weights), branch));
  }
  const sessions = (branch: number): Promise<CutSessions> => {
    const known = loaded.get(branch) ?? sessionsAt(branch);
    loaded.set(branch, known);
    return known;
  };
  afterAll(async () => {
    for (const open of loaded.values()) await (await open)[Symbol.asyncDispose]();
  });

  describe.each([
    { file: "ddim", className: "DDIMScheduler", tolerance: DDIM_RUN },
    { file: "pndm", className: "PNDMScheduler", tolerance: PNDM_RUN },
  ])("with $file", ({ file, className, tolerance }) => {
    const golden = readFixture(`deepcache/${name}/${file}.safetensors`);
    const sampler = samplerOf(golden, className);
    const steps = Number(golden.metadata["num_inference_steps"]);
    const cached = golden.names.flatMap((key) => {
      const [, interval, branch] = /^n(\d+)\.b(\d+)\.final$/.exec(key) ?? [];
      return interval === undefined ? [] : [{ interval: Number(interval), branch: Number(branch) }];
    });

    test("follows the reference's whole run without a cache", async () => {
      const plan = fullEvaluations({ kind: "uniform", interval: 1, branch: 1 }, sampler.timesteps.length, steps);
      const { latents, predictions, full } = await run(await sessions(1), inputs, sampler, plan);
      expect(sampler.timesteps).toEqual([...golden.tensor("timesteps").data]);
      expect(full).toEqual(sampler.timesteps.map((_, i) => i));
      expect(predictions[0]).toBeCloseTensor(row(golden.tensor("n1.eps"), 0), NETWORK_CALL);
      latents.forEach((latent, i) => {
        expect(latent, `latents ${i}`).toBeCloseTensor(row(golden.tensor("n1.latents"), i), tolerance);
      });
    });

    test.each(cached)(
      "ends where the reference ends at interval $interval, branch $branch",
      async ({ interval, branch }) => {
        const policy: CachePolicy = { kind: "uniform", interval, branch };
        const plan = fullEvaluations(policy, sampler.timesteps.length, steps);
        const { final, predictions, full } = await run(await sessions(branch), inputs, sampler, plan);
        expect(full).toEqual(
          (JSON.parse(golden.metadata["full_steps"] ?? "{}") as Record<string, number[]>)[`n${interval}`],
        );
        const label = `n${interval}.b${branch}`;
        expect(final).toBeCloseTensor(golden.tensor(`${label}.final`), tolerance);
        if (!golden.has(`${label}.eps`)) return;
        predictions.forEach((prediction, i) => {
          const allowed = i === 0 ? NETWORK_CALL : tolerance;
          expect(prediction, `prediction ${i}`).toBeCloseTensor(row(golden.tensor(`${label}.eps`), i), allowed);
        });
      },
    );
  });

  test("caches the reference's feature and joins it with the reference's skip", async () => {
    const golden = readFixture(`deepcache/${name}/features.safetensors`);
    const step = Number(golden.metadata["step"]);
    const run = readFixture(`deepcache/${name}/ddim.safetensors`);
    expect(step).toBeGreaterThan(0);
    expect(run.has("n1.latents")).toBe(true);
    // The features belong to a cached run, whose states between are stored for few settings: replay it.
    const branches = golden.names.flatMap((key) => /^b(\d+)\.feature$/.exec(key)?.[1] ?? []).map(Number);
    expect(branches.length).toBeGreaterThan(3);
    for (const branch of branches) {
      const seen = new Map<string, Tensor[]>();
      const spied = spyOn(await sessions(branch), (key, tensor) => {
        seen.set(key, [...(seen.get(key) ?? []), tensor]);
      });
      const interval = Number(golden.metadata["interval"]);
      const sampler = samplerOf(run, "DDIMScheduler");
      const plan = fullEvaluations({ kind: "uniform", interval, branch }, sampler.timesteps.length);
      await runOnce(spied, sampler, plan);
      expect(seen.get("feature")?.[plan.indexOf(step)]).toBeCloseTensor(golden.tensor(`b${branch}.feature`), DDIM_RUN);
      expect(seen.get(`skip_${branch}`)?.[step + 1]).toBeCloseTensor(
        golden.tensor(`b${branch}.fresh_skip_next_step`),
        DDIM_RUN,
      );
    }
  });

  const runOnce = async (spied: CutSessions, sampler: Sampler, plan: readonly number[]): Promise<Run> =>
    run(spied, inputs, sampler, plan);
});

/** The same sessions, telling of every result that a part gives. */
function spyOn(sessions: CutSessions, tell: (name: string, tensor: Tensor) => void): CutSessions {
  if (sessions.kind !== "parts") throw new TypeError("A pair has no borders to look at");
  const spied = (part: LoadedPart): LoadedPart => ({
    ...part,
    async run(known) {
      const outputs = await part.run(known);
      for (const [name, output] of Object.entries(outputs)) tell(name, await output.download());
      return outputs;
    },
  });
  const { head, trunk, tail } = sessions.parts;
  return { ...sessions, parts: { head: spied(head), trunk: spied(trunk), tail: spied(tail) } };
}

describe("the paper's non-uniform schedule", () => {
  test.each([
    { file: "nonuniform-ddim-T50-N5-c15-p1.4-b1", base: "ddim", className: "DDIMScheduler", tolerance: DDIM_RUN },
    { file: "nonuniform-pndm-T50-N5-c15-p1.4-b1", base: "pndm", className: "PNDMScheduler", tolerance: PNDM_RUN },
  ])("follows the reference's run of $file", async ({ file, base, className, tolerance }) => {
    const golden = readFixture(`deepcache/unet-sd15/${file}.safetensors`);
    const inputs = readFixture("deepcache/unet-sd15/inputs.safetensors");
    const sampler = samplerOf(golden, className, readFixture(`deepcache/unet-sd15/${base}.safetensors`));
    const policy: CachePolicy = { kind: "centered", interval: 5, center: 15, power: 1.4, branch: 1 };
    const plan = fullEvaluations(policy, sampler.timesteps.length, 50);
    const component = await openComponent(fixturePath("models/unet-sd15"));
    const shape = { batch: 2, height: 8, width: 8, contextLength: 9 };
    await using sessions = await loadPair(
      nodeRuntime(),
      cut(unet(unetConfig(component.config), shape, component.weights), 1),
    );
    const { latents, predictions, full } = await run(sessions, inputs, sampler, plan);
    expect(full).toEqual([...golden.tensor("full_steps").data]);
    expect(sampler.timesteps).toEqual([...golden.tensor("timesteps").data]);
    latents.forEach((latent, i) => {
      expect(latent, `latents ${i}`).toBeCloseTensor(row(golden.tensor("latents"), i), tolerance);
      expect(predictions[i], `prediction ${i}`).toBeCloseTensor(row(golden.tensor("eps"), i), tolerance);
    });
  });
});
