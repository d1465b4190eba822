import { readFileSync } from "node:fs";
import { parseJson } from "../../checkpoint/text/json.ts";
import { profiledNetwork } from "../../systems/recommended/own-profile.ts";
import {
  checkProfile,
  type Profile,
  pointOf,
  readProfile,
  type TunedPoint,
} from "../../systems/recommended/profile.ts";
import type { CacheFlags } from "../flags/cache-flags.ts";
import { UsageError } from "../flags/usage.ts";
import type { Job } from "../job.ts";

/** A setting of a profile that flags name. */
export interface UsedProfile {
  readonly source: string;
  readonly profile: Profile;
  readonly point: TunedPoint;
}

/** Reads the setting that `FILE` or `FILE@BUDGET` names. */
export function readUsedProfile(text: string): UsedProfile {
  const [, source = text, budget] = /^(.+)@(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  const profile = readProfile(parseJson(bytesOf(source), `"${source}"`), source);
  return { source, profile, point: pointOf(profile, budget === undefined ? undefined : Number(budget), source) };
}

function bytesOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Error(`Cannot read the profile "${path}"`, { cause });
  }
}

interface ProfiledFlags extends CacheFlags {
  readonly sampler?: string;
  readonly steps?: number;
  readonly timesteps?: string;
  readonly sigmas?: string;
}

/** Flags with the sampler, the steps and the cache of the profile that they name. */
export function withProfile<Flags extends ProfiledFlags>(
  flags: Flags,
): { readonly flags: Flags; readonly used: UsedProfile | undefined } {
  if (flags.profile === undefined) return { flags, used: undefined };
  const { cache, interval, branch, center, power, quadratic, fullSteps, warmup, forecast, speedup } = flags;
  const own = { ...{ cache, interval, branch, center, power, quadratic, fullSteps, warmup, forecast, speedup } };
  const { sampler, steps, timesteps, sigmas } = flags;
  const other = Object.entries({ ...own, sampler, steps, timesteps, sigmas }).find(([, value]) => value !== undefined);
  if (other !== undefined) {
    const flag = other[0].replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new UsageError(`Cannot use --${flag} together with --profile: a profile has sampler, steps and cache`);
  }
  const used = readUsedProfile(flags.profile);
  const { point } = used;
  const listed = point.timesteps === undefined ? {} : { timesteps: point.timesteps.join() };
  return { flags: { ...flags, sampler: point.sampler, steps: point.steps, ...listed, cache: [point.cache] }, used };
}

/** Refuses a profile that was tuned for another network than the job's. */
export async function checkUsedProfile(used: UsedProfile | undefined, { unet }: Pick<Job, "unet">): Promise<void> {
  if (used !== undefined) checkProfile(used.profile, await profiledNetwork(unet), used.source);
}

/** What a profile has measured of a setting, in one line. */
export function profileText(source: string, { checked, fse }: TunedPoint): string {
  const { psnr, images, aboveUncached: rival } = checked;
  const sign = rival.mean < 0 ? "less" : "more";
  const own = rival.timesteps === undefined ? "" : ", timesteps tuned,";
  return (
    `${source}: ${fse.toFixed(1)} full-step equivalents; ${psnr.toFixed(1)} dB on ${images} images, ` +
    `${Math.abs(rival.mean).toFixed(1)} ± ${rival.halfWidth.toFixed(1)} dB ${sign} than ${rival.steps} steps of ${rival.sampler}${own} without a cache`
  );
}
