import type { Command } from "commander";
import { drawPlan } from "../../deepcache/plan.ts";
import { readCache } from "../../deepcache/policies.ts";
import { SAMPLER_NAMES } from "../../diffusion/samplers.ts";
import { chooseSampler, planRun } from "../../pipelines/run/choose-sampler.ts";
import { resolveWeights } from "../../systems/resolve-model.ts";
import { defaultModelFolder } from "../../systems/shipped.ts";
import { openScheduler } from "../../systems/stable-diffusion.ts";
import { addCacheFlags, type CacheFlags, DEFAULT_INTERVAL, policyOf } from "../flags/cache-flags.ts";
import { parseWhole } from "../flags/usage.ts";
import type { Terminal } from "../terminal/console.ts";

interface Flags extends CacheFlags {
  readonly model?: string;
  readonly steps: number;
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
    .option("--steps <n>", "sampling steps", (text) => parseWhole("--steps", text, 1), 50)
    .option("--sampler <name>", `one of ${SAMPLER_NAMES.join(", ")} (default: the model's own)`);
  addCacheFlags(command)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  deepcache plan --steps 50 --interval 5 --center 15 --power 1.4")
    .action(async (flags: Flags) => {
      const folder = flags.model === undefined ? defaultModelFolder() : await resolveWeights(flags.model);
      const scheduler = await openScheduler(folder);
      const chosen = chooseSampler(scheduler, flags);
      const policy = policyOf(flags, readCache(DEFAULT_INTERVAL));
      const full = planRun(policy, chosen);
      const evaluations = chosen.sampler.timesteps.length;
      if (flags.json === true) terminal.printJson({ evaluations, full });
      else
        terminal.print(
          `${full.length} of ${evaluations} evaluations full: ${full.join(", ")}\n${drawPlan(full, evaluations)}`,
        );
    });
}
