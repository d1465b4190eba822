import { type ChosenPrecision, choosePrecision, WORTHWHILE_GAIN } from "../runtime/node/choose-precision.ts";
import type { Precision } from "../runtime/precision.ts";
import { measurementFolder } from "../systems/parts/weight-folder.ts";
import type { ModelFlags } from "./flags/generation-flags.ts";
import { cacheFolder } from "./terminal/cache-folder.ts";
import type { Terminal } from "./terminal/console.ts";

/** Flags with a precision rather than the wish that one is chosen. */
export type Settled<Flags> = Omit<Flags, "precision"> & { readonly precision?: Precision | undefined };

/** `flags` with the precision that this machine gains from where that is asked for, which is said on stderr. */
export async function settlePrecision<Flags extends Pick<ModelFlags, "precision" | "device" | "threads">>(
  flags: Flags,
  signal: AbortSignal,
  terminal: Pick<Terminal, "note">,
): Promise<Settled<Flags>> {
  const { precision, device, threads } = flags;
  if (precision !== "auto") return { ...flags, precision };
  const chosen = await choosePrecision({ device, threads, folder: measurementFolder(cacheFolder()), signal });
  terminal.note(choiceText(chosen));
  return { ...flags, precision: chosen.precision };
}

/** What was chosen, and why. */
export function choiceText({ precision, gains }: ChosenPrecision): string {
  const measured = Object.entries(gains).map(([name, gain]) => `${name} ${gain.toFixed(1)} times`);
  const reason =
    measured.length === 0
      ? "there is no choice on this device"
      : `${measured.join(", ")} as fast as float32 on this machine, ${WORTHWHILE_GAIN} are worth it`;
  return `computing in ${precision}: ${reason}`;
}
