import { isSamplerName, type SamplerName } from "../../diffusion/samplers.ts";
import { Refusal } from "../refusal.ts";

/** A sampler of AUTOMATIC1111's. */
interface Known {
  readonly ours: SamplerName;
  readonly aliases: readonly string[];
  /** Whether "Automatic" stands for Karras' noise levels, as there. */
  readonly karras?: boolean;
}

/** Its samplers by name; those that this engine alone has follow with names in the same style. */
export const A1111_SAMPLERS: Readonly<Record<string, Known>> = {
  "DPM++ 2M": { ours: "dpmpp-2m", aliases: ["k_dpmpp_2m"], karras: true },
  "DPM++ SDE": { ours: "dpmpp-sde", aliases: ["k_dpmpp_sde"], karras: true },
  "DPM++ 2M SDE": { ours: "dpmpp-2m-sde", aliases: ["k_dpmpp_2m_sde"], karras: true },
  "Euler a": { ours: "euler-a", aliases: ["k_euler_a", "k_euler_ancestral"] },
  Euler: { ours: "euler", aliases: ["k_euler"] },
  LMS: { ours: "lms", aliases: ["k_lms"] },
  Heun: { ours: "heun", aliases: ["k_heun"] },
  DPM2: { ours: "kdpm2", aliases: ["k_dpm_2"], karras: true },
  "DPM2 a": { ours: "kdpm2-a", aliases: ["k_dpm_2_a", "k_dpm_2_ancestral"], karras: true },
  DDIM: { ours: "ddim", aliases: [] },
  PLMS: { ours: "plms", aliases: [] },
  UniPC: { ours: "unipc", aliases: [] },
  LCM: { ours: "lcm", aliases: ["k_lcm"] },
  DDPM: { ours: "ddpm", aliases: [] },
  PNDM: { ours: "pndm", aliases: [] },
  DEIS: { ours: "deis", aliases: [] },
  TCD: { ours: "tcd", aliases: [] },
  IPNDM: { ours: "ipndm", aliases: [] },
  "DPM++ 2S": { ours: "dpm-single", aliases: [] },
  "DPM++ 3M": { ours: "dpmpp-3m", aliases: [] },
  SA: { ours: "sa", aliases: [] },
};

/** Noise schedules by the names that clients send, with what they are called in lists. */
export const A1111_SCHEDULERS = {
  automatic: "Automatic",
  uniform: "Uniform",
  karras: "Karras",
  sgm_uniform: "SGM Uniform",
  align_your_steps: "Align Your Steps",
} as const;

type SchedulerKey = keyof typeof A1111_SCHEDULERS;

/** What a sampler and a schedule by AUTOMATIC1111's names come to. */
export interface ChosenSampler {
  /** The model's own where left out. */
  readonly sampler?: SamplerName;
  readonly timesteps?: "ays";
}

/** The option of the library for a sampler's name there, such as "DPM++ 2M", or the older "DPM++ 2M Karras". */
export function samplerOf(name: string | undefined, scheduler: string | undefined): ChosenSampler {
  const schedule = schedulerOf(scheduler);
  if (name === undefined || name === "") {
    if (schedule === "automatic") return {};
    return schedule === "align_your_steps" ? { timesteps: "ays" } : samplerOf("Euler", scheduler);
  }
  if (isSamplerName(name))
    return schedule === "align_your_steps" ? { sampler: name, timesteps: "ays" } : { sampler: name };
  const [, plain = name, karras] = /^(.*?)( Karras)?$/i.exec(name) ?? [];
  const known = find(plain);
  if (known === undefined) {
    throw refusal(
      "sampler_name",
      `no sampler is called ${shown(name)}; there are ${Object.keys(A1111_SAMPLERS).join(", ")}`,
    );
  }
  if (schedule === "align_your_steps") return { sampler: known.ours, timesteps: "ays" };
  const automatic = schedule === "automatic";
  const wantsKarras = schedule === "karras" || (automatic && (karras !== undefined || known.karras === true));
  if (wantsKarras) return { sampler: variant(known.ours, "karras", plain) };
  return { sampler: schedule === "sgm_uniform" ? variant(known.ours, "trailing", plain) : known.ours };
}

function variant(base: SamplerName, suffix: "karras" | "trailing", name: string): SamplerName {
  const found = `${base}-${suffix}`;
  if (isSamplerName(found)) return found;
  const schedule = suffix === "karras" ? "Karras" : "SGM Uniform";
  throw refusal("scheduler", `${shown(name)} has no schedule ${schedule} here`);
}

function find(name: string): Known | undefined {
  const wanted = name.toLowerCase();
  const matches = ([own, { aliases }]: [string, Known]): boolean =>
    own.toLowerCase() === wanted || aliases.includes(wanted);
  return Object.entries(A1111_SAMPLERS).find(matches)?.[1];
}

function schedulerOf(asked: string | undefined): SchedulerKey {
  if (asked === undefined || asked === "") return "automatic";
  const wanted = asked.toLowerCase();
  const found = Object.entries(A1111_SCHEDULERS).find(
    ([key, label]) => key === wanted || label.toLowerCase() === wanted,
  );
  if (found !== undefined) return found[0] as SchedulerKey;
  throw refusal(
    "scheduler",
    `no schedule is called ${shown(asked)}; there are ${Object.values(A1111_SCHEDULERS).join(", ")}`,
  );
}

/** What AUTOMATIC1111 calls one of this engine's samplers; its own name where there is none. */
export function a1111NameOf(ours: string): string {
  const plain = ours.replace(/-(karras|trailing)$/, "");
  return Object.entries(A1111_SAMPLERS).find(([, known]) => known.ours === plain)?.[0] ?? ours;
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 60));
const refusal = (field: string, reason: string): Refusal =>
  new Refusal(400, "option_invalid", `Cannot use "${field}": ${reason}`, { field });
