import { randomWeights, unetWeightShapes } from "../../src/benchmark/random-weights.ts";
import type { Subject } from "../../src/benchmark/subject.ts";
import { ensureFile } from "../../src/checkpoint/files/ensure-file.ts";
import { nodeFiles } from "../../src/checkpoint/files/node.ts";
import { openCheckpoint } from "../../src/checkpoint/open-checkpoint.ts";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import type { UNetConfig } from "../../src/models/unet/unet-types.ts";

/** Two levels, one of them with cross-attention. */
export const TINY: UNetConfig = unetConfig({
  _class_name: "UNet2DConditionModel",
  block_out_channels: [32, 64],
  down_block_types: ["CrossAttnDownBlock2D", "DownBlock2D"],
  up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D"],
  layers_per_block: 1,
  attention_head_dim: 4,
  cross_attention_dim: 16,
  norm_num_groups: 8,
  sample_size: 8,
});

/** A tiny U-Net with random weights in `folder`. */
export async function tinySubject(folder: string): Promise<Subject> {
  const [files, file] = [nodeFiles(folder), "tiny.safetensors"];
  await ensureFile(files, file, () => randomWeights(unetWeightShapes(TINY), "fp16"));
  const { weights } = await openCheckpoint(await files.open(file));
  const scheduler = readSchedulerConfig({ _class_name: "DDIMScheduler" });
  return { name: "tiny", config: TINY, weights, scheduler, shape: { batch: 2, height: 8, width: 8, contextLength: 5 } };
}
