import type { Command } from "commander";
import type { FolderLike } from "../../checkpoint/files.ts";
import { drawPlan } from "../../deepcache/plan.ts";
import { type CachePolicy, readCache } from "../../deepcache/policies.ts";
import { SAMPLER_NAMES } from "../../diffusion/samplers.ts";
import { chooseSampler, planRun } from "../../pipelines/run/choose-sampler.ts";
import type { PlannedRun } from "../../pipelines/run/run.ts";
import type { Places } from "../../systems/from-hub/places.ts";
import { resolveWeights } from "../../systems/resolve-model.ts";
import { openScheduler } from "../../systems/scheduler.ts";
import { defaultModelFolder } from "../../systems/shipped.ts";
import { asFolder } from "../as-folder.ts";
import { addCacheFlags, type CacheFlags, DEFAULT_INTERVAL, policyOf } from "../flags/cache-flags.ts";
import { parseWhole } from "../flags/usage.ts";
import type { Terminal } from "../terminal/console.ts";
import { terminalPlaces } from "../terminal/downloads.ts";
import { interruptible } from "../terminal/interrupt.ts";
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
    .option("-m, --model <path>", "model, a folder or an id, whose scheduler is used (default: the embedded model)")
    .option("--steps <n>", `sampling steps (default: ${STEPS})`, (text) => parseWhole("--steps", text, 1))
    .option("--sampler <name>", `one of ${SAMPLER_NAMES.join(", ")} (default: the model's own)`);
  addCacheFlags(command)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  deepcache plan --steps 50 --interval 5 --center 15 --power 1.4")
    .action(async (asked: Flags) => {
      const { flags } = withProfile(asked);
      const chosen = flags.speedup !== undefined || flags.preset !== undefined;
      const folder = await interruptible((signal) => folderOf(flags.model, chosen, terminalPlaces(terminal, signal)));
      const described = policyOf(flags, readCache(DEFAULT_INTERVAL));
      const { evaluations, full } = chosen
        ? await (await import("../chosen-plan.ts")).chosenPlan(folder, flags)
        : await planOf(folder, flags, described);
      if (flags.json === true) terminal.printJson({ evaluations, full });
      else
        terminal.print(
          `${full.length} of ${evaluations} evaluations full: ${full.join(", ")}\n${drawPlan(full, evaluations)}`,
        );
    });
}

/** Of a model elsewhere, a plan takes the scheduler's config; what is chosen by what parts cost takes the weights' shapes. */
async function folderOf(model: string | undefined, chosen: boolean, places: Places): Promise<FolderLike> {
  if (model === undefined) return defaultModelFolder();
  return asFolder(await resolveWeights(model, places, { purpose: chosen ? "model" : "configs" }));
}

const STEPS = 50;

type Plan = Pick<PlannedRun, "full" | "evaluations">;

/** The plan of a policy; of the model, its scheduler is enough. */
async function planOf(folder: FolderLike, { steps = STEPS, sampler }: Flags, policy: CachePolicy): Promise<Plan> {
  const chosen = chooseSampler(await openScheduler(folder), { steps, sampler });
  return { full: planRun(policy, chosen), evaluations: chosen.sampler.timesteps.length };
}
