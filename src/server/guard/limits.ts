import { LIMITS } from "../../errors/limits.ts";
import type { JobRequest } from "../queue/job.ts";
import { Refusal } from "../refusal.ts";

const TABLE = LIMITS.server;

/** The most that a request may ask for; see docs/limits.md for what is usual. */
export type RequestLimits = { readonly [Name in keyof typeof TABLE]: number };

/** The limits of a server where nobody says. */
export const REQUEST_LIMITS = Object.fromEntries(
  Object.entries(TABLE).map(([name, { most }]) => [name, most]),
) as RequestLimits;

/** Refuses what no request may ask for, before it takes a place in the queue; everything else is the library's to refuse. */
export function checkLimits(
  { options, hires, variants = [{}], priority = 0 }: Pick<JobRequest, "options" | "hires" | "variants" | "priority">,
  limits: RequestLimits,
): void {
  const { width, height, count, steps, prompt, negativePrompt, timesteps, sigmas, loras } = options;
  const sizes = [[width, height] as const, ...(hires === undefined ? [] : [[hires.width, hires.height] as const])];
  for (const [across, down] of sizes) {
    most("pixels", numberOf(across, 1) * numberOf(down, 1), limits, `${numberOf(across, 1)}x${numberOf(down, 1)}`);
  }
  for (const asked of [steps, hires?.options["steps"], ...variants.map((variant) => variant["steps"])])
    most("steps", numberOf(asked, 1), limits);
  for (const list of [timesteps, sigmas]) most("steps", Array.isArray(list) ? list.length - 1 : 1, limits);
  const rows = [prompt ?? options["classes"] ?? ""].flat();
  most("pictures", rows.length * numberOf(count, 1) * variants.length, limits);
  const ofHires = [hires?.options["prompt"] ?? "", hires?.options["negativePrompt"] ?? ""];
  for (const text of [...rows, negativePrompt ?? "", ...ofHires].flat())
    most("characters", String(text).length, limits);
  most("priority", priority, limits);
  most("adapters", Array.isArray(loras) ? loras.length : 0, limits);
}

function most(name: keyof RequestLimits, asked: number, limits: RequestLimits, shown = String(asked)): void {
  if (!(asked > limits[name])) return;
  throw new Refusal(
    400,
    "limit_exceeded",
    `Cannot take this request: it asks for ${shown} ${TABLE[name].of}, at most ${limits[name]} are allowed`,
  );
}

/** What is no number is refused by its own name, later. */
const numberOf = (value: unknown, otherwise: number): number =>
  typeof value === "number" && !Number.isNaN(value) ? Math.abs(value) : otherwise;
