import type { Command } from "commander";
import type { Convolutions } from "../../runtime/convolutions.ts";
import type { PrecisionChoice } from "../../runtime/node/choose-precision.ts";
import { DEVICE_NAMES, type NodeDevice } from "../../runtime/node/device.ts";
import { PRECISION_NAMES, parseConvolutions, parseDevice, parsePrecisionChoice } from "../flags/generation-flags.ts";
import { parseWhole } from "../flags/usage.ts";

/** Which models are served, and what they run on. */
export interface ServedModelFlags {
  readonly model?: readonly string[];
  readonly models?: string;
  readonly memory?: number;
  readonly vae?: string;
  readonly tinyVae?: string;
  readonly refiner?: string;
  readonly config?: string;
  readonly variant?: string;
  readonly tokenizer?: string;
  /** False for `--no-ema`. */
  readonly ema?: boolean;
  readonly controlnet?: readonly string[];
  readonly loraDir?: string;
  readonly embeddingDir?: string;
  readonly device: NodeDevice;
  readonly threads?: number;
  readonly convolutions?: Convolutions;
  readonly precision?: PrecisionChoice | undefined;
  readonly lowMemory?: boolean;
  readonly store?: string;
}

/** The flags of `serve`. */
export interface ServeFlags extends ServedModelFlags {
  readonly host: string;
  readonly port: number;
  /** False for `--no-api-key`. */
  readonly apiKey?: readonly string[] | false;
  readonly cors?: readonly string[];
  readonly maxQueue?: number;
  readonly maxWaiting?: number;
  readonly rate?: number;
  readonly outputDir?: string;
  readonly redis?: string;
  readonly maxPixels?: number;
  readonly maxSteps?: number;
  readonly maxImages?: number;
  readonly grace: number;
  readonly logPrompts?: boolean;
}

/** Collects a flag that may be given several times. */
export const several = (value: string, before: readonly string[] | false = []): readonly string[] => [
  ...(before === false ? [] : before),
  value,
];

/** Parses a flag's whole number. */
export const whole = (flag: string, least: number) => (text: string) => parseWhole(flag, text, least);

/** Adds the flag that says where pictures lie. */
export const addStoreFlag = (command: Command): Command =>
  command.option(
    "--store <place>",
    "keep what jobs make in this shared folder, or s3://BUCKET/PREFIX with AWS_… in the environment",
  );

/** Adds the flags that say which models are served. */
export function addServedModelFlags(command: Command): Command {
  return command
    .optionsGroup("Device and memory:")
    .option("--device <name>", `where to run: ${DEVICE_NAMES}`, parseDevice, "cpu")
    .option("-t, --threads <n>", "threads on the CPU (default: all cores)", whole("--threads", 1))
    .option(
      "--convolutions <how>",
      'on the CPU, "winograd" for fewer multiplications or "direct", which differs in the last bits (default: winograd)',
      parseConvolutions,
    )
    .option(
      "--precision <name>",
      `what the U-Nets' layers are computed in: ${PRECISION_NAMES} (default: float32)`,
      parsePrecisionChoice,
    )
    .option("--low-memory", "leave weights in their files and one network at a time in memory; slower")
    .option(
      "--memory <MiB>",
      "what models may take together (default: four fifths of the machine's)",
      whole("--memory", 1),
    )
    .optionsGroup("Models:")
    .option("-m, --model <name=path>", "a model, repeatable; its file's name where NAME= is left out", several)
    .option("--models <file>", 'JSON with more models by name: {"photo": {"path": "photo.safetensors", "vae": "vae"}}')
    .option("--vae <path>", "an autoencoder in place of all models' own")
    .option("--tiny-vae <path>", "a tiny autoencoder (TAESD) for previews, of all models")
    .option("--refiner <path>", "an SDXL refiner that ends the runs of all models")
    .option("--controlnet <path>", "a ControlNet or T2I-Adapter of all models, repeatable", several)
    .option("--config <file>", "YAML of the original repository that describes checkpoint files")
    .option("--variant <name>", "read the weight files published under this name, such as fp16")
    .option("--no-ema", "take the weights themselves where a file also has averaged ones")
    .option("--tokenizer <folder>", "vocabulary for single files of Stable Diffusion (default: CLIP's)")
    .option("--lora-dir <folder>", "LoRAs (.safetensors) that requests may name")
    .option("--embedding-dir <folder>", "embeddings (.safetensors, .pt) whose names may stand in prompts");
}
