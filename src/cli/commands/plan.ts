import type { Command } from "commander";
import { drawPlan } from "../../deepcache/plan.ts";
import { type CachePolicy, readCache } from "../../deepcache/policies.ts";
import { SAMPLER_NAMES } from "../../diffusion/samplers.ts";
import { anyPipeline, withChoice } from "../../pipelines/any-pipeline.ts";
import { chooseSampler, planRun } from "../../pipelines/run/choose-sampler.ts";
import type { PlannedRun } from "../../pipelines/run/run.ts";
import { nodeRuntime } from "../../runtime/node/node.ts";
import { modelName } from "../../systems/model-location.ts";
import { openModel } from "../../systems/open-model.ts";
import { resolveWeights } from "../../systems/resolve-model.ts";
import { defaultModelFolder, defaultTokenizerFolder } from "../../systems/shipped.ts";
import { openScheduler } from "../../systems/stable-diffusion.ts";
import { addCacheFlags, type CacheFlags, DEFAULT_INTERVAL, policyOf } from "../flags/cache-flags.ts";
import { parseWhole } from "../flags/usage.ts";
import { given } from "../request.ts";
import type { Terminal } from "../terminal/console.ts";
import { withProfile } from "../tune/use-profile.ts";

interface Flags extends CacheFlags {
  readonly model?: string;
  readonly steps?: number;
  readonly sampler?: string;
  readonly json?: boolean;
}

/** `deepcache plan`: which evaluations would be full. */
export function addPlan(program: Command, terminal: Terminal): void {
  const command = program
    .command("plan")
    .summary("which evaluations of a run would be full")
    .description(
      "Lists the full evaluations of a run, counted from 0 (the noisiest), and draws them: █ full, · cached.",
    )
    .option("-m, --model <folder>", "model whose scheduler is used (default: the embedded model)")
    .option("--steps <n>", `sampling steps (default: ${STEPS})`, (text) => parseWhole("--steps", text, 1))
    .option("--sampler <name>", `one of ${SAMPLER_NAMES.join(", ")} (default: the model's own)`);
  addCacheFlags(command)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  deepcache plan --steps 50 --interval 5 --center 15 --power 1.4")
    .action(async (asked: Flags) => {
      const { flags } = withProfile(asked);
      const folder = flags.model === undefined ? defaultModelFolder() : await resolveWeights(flags.model);
      const described = policyOf(flags, readCache(DEFAULT_INTERVAL));
      const chosen = flags.speedup !== undefined || flags.preset !== undefined;
      const { evaluations, full } = chosen ? await planFor(folder, flags) : await planOf(folder, flags, described);
      if (flags.json === true) terminal.printJson({ evaluations, full });
      else
        terminal.print(
          `${full.length} of ${evaluations} evaluations full: ${full.join(", ")}\n${drawPlan(full, evaluations)}`,
        );
    });
}

const STEPS = 50;

type Plan = Pick<PlannedRun, "full" | "evaluations">;

/** The plan of a policy; of the model, its scheduler is enough. */
async function planOf(folder: string, { steps = STEPS, sampler }: Flags, policy: CachePolicy): Promise<Plan> {
  const chosen = chooseSampler(await openScheduler(folder), { steps, sampler });
  return { full: planRun(policy, chosen), evaluations: chosen.sampler.timesteps.length };
}

/** The plan that a speed-up or a preset chooses, which depends on what the network's parts cost. */
async function planFor(folder: string, { steps, sampler, speedup, preset }: Flags): Promise<Plan> {
  const opened = await openModel({ path: folder, tokenizer: defaultTokenizerFolder() });
  await using pipeline = anyPipeline(opened, modelName(folder), { runtime: nodeRuntime() });
  const { conditioned } = pipeline;
  const shown = {
    ...(conditioned === "prompt" ? { prompt: "" } : {}),
    ...(conditioned === "class" ? { classes: [0] } : {}),
  };
  const asked = given({ ...shown, steps, sampler, speedup, preset });
  return await pipeline.plan({ ...withChoice(asked, pipeline.choose(asked)), seed: 0 });
}
