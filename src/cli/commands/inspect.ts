import type { Command } from "commander";
import { readComponentConfig } from "../../checkpoint/component-config.ts";
import { ARCHITECTURES } from "../../models/architectures.ts";
import type { Terminal } from "../console.ts";
import { defaultModelFolder } from "../default-model.ts";
import { describeUNet, type UNetDescription } from "../describe-unet.ts";
import { giga, millions, table } from "../units.ts";
import { parseWhole } from "../usage.ts";

interface Flags {
  readonly width?: number;
  readonly height?: number;
  readonly json?: boolean;
}

/** `deepcache inspect`: what a U-Net costs at every branch, from its config alone. */
export function addInspect(program: Command, terminal: Terminal): void {
  program
    .command("inspect")
    .summary("what a model costs at every branch; needs no weights")
    .description(
      "Prints parameters, operations (MACs) of a full and of a cached evaluation at every branch, and the size of the " +
        `cached feature, for a batch of one. MODEL is a model folder or one of: ${Object.keys(ARCHITECTURES).join(", ")}.`,
    )
    .argument("[model]", "model folder or built-in name (default: the embedded model)")
    .option("--width <pixels>", "width of the sample that the U-Net sees, in latent pixels", (text) =>
      parseWhole("--width", text, 1),
    )
    .option("--height <pixels>", "its height", (text) => parseWhole("--height", text, 1))
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  deepcache inspect stable-diffusion-v1-5")
    .action(async (model: string | undefined, flags: Flags) => {
      const name = model ?? defaultModelFolder();
      const builtIn = Object.hasOwn(ARCHITECTURES, name)
        ? ARCHITECTURES[name as keyof typeof ARCHITECTURES]
        : undefined;
      const { config, path } =
        builtIn === undefined ? await readComponentConfig(name, "unet") : { config: builtIn.unet, path: name };
      const description = describeUNet(config, flags, path);
      if (flags.json === true) terminal.printJson(description);
      else terminal.print(text(description));
    });
}

function text({ architecture, sample, parameters, skips, macs, branches }: UNetDescription): string {
  const rows = branches.map(({ branch, cached, reference, ratio, feature }) => [
    String(branch),
    giga(cached),
    giga(reference),
    ratio.toFixed(3),
    feature.join("×"),
  ]);
  return [
    `${architecture}, ${sample.join("×")} sample, ${millions(parameters)} parameters, ${skips} skip connections`,
    `full evaluation: ${giga(macs.full)} MACs, of which ${giga(macs.attention)} in attention products; ${giga(macs.reference)} as the paper counts`,
    "",
    table([["branch", "cached", "as the paper counts", "cached/full", "cached feature"], ...rows]),
  ].join("\n");
}
