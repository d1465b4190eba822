import type { Command } from "commander";
import { type HubReference, hubReference, referenceName } from "../../hub/reference.ts";
import { sizeText } from "../../hub/size-text.ts";
import { openHub } from "../../hub/stores/node/open-hub.ts";
import { type PulledFiles, pulledFiles } from "../../hub/stores/node/pulled-files.ts";
import { openFromHub } from "../../systems/from-hub/open-from-hub.ts";
import { UsageError } from "../flags/usage.ts";
import type { Terminal } from "../terminal/console.ts";
import { downloadBar } from "../terminal/downloads.ts";
import { interruptible } from "../terminal/interrupt.ts";

interface Flags {
  readonly variant?: string;
  readonly json?: boolean;
}

/** `deepcache pull`: a model from the hub, or a file from an address, into the cache. */
export function addPull(program: Command, terminal: Terminal): void {
  program
    .command("pull")
    .summary("download a model by its id or address, or go on with it")
    .description(
      "Downloads what is needed of a model, a LoRA, a ControlNet or an autoencoder into the cache that Python's " +
        "huggingface_hub shares, and prints where it is. What was interrupted goes on where it was; what is there already is " +
        "compared with the newest. Other commands do this by themselves.",
    )
    .argument("<id>", "org/name[@revision], org/name/file.safetensors, or the address of a file")
    .option("--variant <name>", "the files published under this name (default: fp16, where there are any)")
    .option("--json", "print a line of JSON for every step, and one for the result")
    .addHelpText(
      "after",
      `
Examples:
  deepcache pull stable-diffusion-v1-5/stable-diffusion-v1-5
  deepcache pull latent-consistency/lcm-lora-sdv1-5
  HF_TOKEN=hf_... deepcache pull org/private@v2`,
    )
    .action((id: string, flags: Flags) => interruptible((signal) => run(id, flags, signal, terminal)));
}

async function run(
  text: string,
  { variant, json = false }: Flags,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<void> {
  using bar = downloadBar(terminal);
  const say = (event: object): void => terminal.printText(`${JSON.stringify(event)}\n`);
  const hub = await openHub({
    signal,
    onProgress: json ? (progress) => say({ type: "progress", ...progress }) : bar.show,
  });
  const reference = referenceIn(text, hub.settings.endpoint);
  await openFromHub(reference, { purpose: "any", variant, refresh: true }, hub);
  bar[Symbol.dispose]();
  const pulled = await pulledFiles(reference, hub);
  if (json) say({ type: "result", name: referenceName(reference), ...pulled });
  else terminal.print(pulledText(reference, pulled));
}

function referenceIn(text: string, endpoint: string): HubReference {
  const reference = hubReference(text, endpoint);
  if (reference !== undefined) return reference;
  throw new UsageError(`Cannot download "${text}": org/name[@revision] or an address is required`);
}

const pulledText = (reference: HubReference, { path, files, size }: PulledFiles): string =>
  `${referenceName(reference)}: ${files === 1 ? "1 file" : `${files} files`}, ${sizeText(size)}\n${path}`;
