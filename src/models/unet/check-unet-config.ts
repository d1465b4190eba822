import { LIMITS } from "../../errors/limits.ts";
import { entry } from "../../tensor/tensor.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { LevelAttention, UNetConfig } from "./unet-types.ts";

/** What a format calls the settings that are checked together, for messages. */
export interface UNetFields {
  readonly channels: string;
  readonly layers: string;
  readonly transformers: string;
  readonly heads: string;
}

const { count: COUNT, residualBlocks: RESIDUAL, transformerBlocks: TRANSFORMERS } = LIMITS.config;

/** `config` as it is, refusing by name what could not be built, and what would be without end. */
export function checkedUNet(read: ConfigReader, config: UNetConfig, fields: UNetFields): UNetConfig {
  const { down, up, mid, groups, attentionGroups, addition, freqShift, epsilon } = config;
  const levels = [...down, ...up];
  const first = entry(down, 0).channels;
  if (first % 2 !== 0) read.fail(fields.channels, "an even first width");
  const middle =
    mid === undefined ? [] : [{ channels: entry(down, down.length - 1).channels, attention: mid.attention }];
  for (const { channels, attention } of [...levels, ...middle]) {
    if (channels > COUNT.most) read.fail(fields.channels, `a width of at most ${COUNT.most}`);
    if (channels % groups !== 0) read.fail("norm_num_groups", `a divisor of ${channels} channels`);
    if (attentionGroups !== undefined && channels % attentionGroups !== 0)
      read.fail("attn_norm_num_groups", `a divisor of ${channels} channels`);
    if (attention.kind !== "none" && channels % attention.heads !== 0) {
      read.fail(fields.heads, `a divisor of ${channels} channels`);
    }
  }
  const residual = levels.reduce((sum, { layers }) => sum + layers, 0);
  if (residual > RESIDUAL.most) read.fail(fields.layers, `at most ${RESIDUAL.most} residual blocks in all`);
  const attended = levels.reduce((sum, { layers, attention }) => sum + layers * depthOf(attention), 0);
  if (attended + depthOf(mid?.attention) > TRANSFORMERS.most) {
    read.fail(fields.transformers, `at most ${TRANSFORMERS.most} transformer blocks in all`);
  }
  if (addition !== undefined) checkAddition(read, addition);
  if (first / 2 === freqShift) read.fail("freq_shift", `a number other than ${freqShift}, half of the first width,`);
  const stride = 2 ** (down.length - 1);
  if (config.architecture === "UNet2DModel" && config.sampleSize?.some((side) => side % stride !== 0) === true) {
    read.fail("sample_size", `a multiple of ${stride}`);
  }
  if (epsilon < 0) read.fail("norm_eps", "a number from 0");
  return config;
}

const depthOf = (attention: LevelAttention | undefined): number => (attention?.kind === "cross" ? attention.layers : 0);

/** SDXL's six sizes, each in `timeWidth` numbers, come behind the pooled text. */
function checkAddition(read: ConfigReader, { timeWidth, inputWidth }: NonNullable<UNetConfig["addition"]>): void {
  if (timeWidth % 2 !== 0) read.fail("addition_time_embed_dim", "an even number");
  if (inputWidth <= 6 * timeWidth) {
    read.fail("projection_class_embeddings_input_dim", `more than ${6 * timeWidth}, which six sizes take,`);
  }
}
