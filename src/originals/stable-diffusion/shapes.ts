import type { CheckpointError } from "../../checkpoint/errors.ts";
import type { Weights } from "../../checkpoint/weights.ts";
import { entry } from "../../tensor/tensor.ts";
import type { OriginalAutoencoder, OriginalText, OriginalUnet } from "./config.ts";

/** The tensors of one network of a single file, by the name that they have within it. */
export interface OriginalTensors {
  readonly prefix: string;
  readonly weights: Weights;
  /** Size of a tensor along `axis`; refuses a file without it. */
  size(key: string, axis: number): number;
  /** How many of the names `before`0, `before`1, … begin a tensor's. */
  count(before: string): number;
  fail(reason: string): CheckpointError;
}

/** Far above any published model. */
const MOST_BLOCKS = 256;

/** The tensors below `prefix`. */
export function originalTensors(
  weights: Weights,
  prefix: string,
  fail: (reason: string) => CheckpointError,
): OriginalTensors {
  const own = new Map(
    [...weights].flatMap(([key, weight]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), weight]] : [])),
  );
  const names = [...own.keys()];
  return {
    prefix,
    weights: own,
    fail,
    size(key, axis) {
      const size = own.get(key)?.shape[axis];
      if (size !== undefined) return size;
      throw fail(
        own.has(key)
          ? `its tensor "${prefix}${key}" has the shape [${own.get(key)?.shape}], which is too short`
          : `it has no tensor "${prefix}${key}"`,
      );
    },
    count(before) {
      const numbers = new Set(
        names.flatMap((name) => (name.startsWith(before) ? [Number.parseInt(name.slice(before.length), 10)] : [])),
      );
      let found = 0;
      while (numbers.has(found)) found++;
      if (found <= MOST_BLOCKS) return found;
      throw fail(`it has ${found} tensors "${prefix}${before}…", at most ${MOST_BLOCKS} are read`);
    },
  };
}

/** Heads of Stable Diffusion 1.x; later versions have heads of 64 channels, and linear projections. */
const HEADS = 8;
const HEAD_WIDTH = 64;

/** Describes a U-Net by the names and shapes of its tensors. */
export function inferUnet(tensors: OriginalTensors): OriginalUnet {
  const { size, count, weights, fail } = tensors;
  const levels: { channels: number; layers: number; depth: number }[] = [{ channels: 0, layers: 0, depth: 0 }];
  for (let block = 1; block < count("input_blocks."); block++) {
    const at = `input_blocks.${block}`;
    const level = entry(levels, levels.length - 1);
    if (weights.has(`${at}.0.op.weight`)) {
      levels.push({ channels: 0, layers: 0, depth: 0 });
      continue;
    }
    level.channels = size(`${at}.0.out_layers.3.weight`, 0);
    level.layers++;
    level.depth = count(`${at}.1.transformer_blocks.`);
  }
  const middleDepth = count("middle_block.1.transformer_blocks.");
  const channels = levels.map((level) => level.channels);
  const attention = levels.map(({ depth }) => depth > 0);
  const [widest] = [...weights].filter(([key]) => key.endsWith(".attn2.to_k.weight"));
  const projection = [...weights].find(([key]) => key.endsWith(".1.proj_in.weight"));
  if (widest === undefined || projection === undefined) throw fail("its U-Net does not look at a prompt");
  const linearProjection = projection[1].shape.length === 2;
  return {
    inChannels: size("input_blocks.0.0.weight", 1),
    outChannels: size("out.2.weight", 0),
    channels,
    layers: levels.map(({ layers }) => layers),
    attention,
    depths: levels.map(({ depth }, i) => (depth > 0 ? depth : i === levels.length - 1 ? middleDepth : 1)),
    heads: headCounts(channels, linearProjection ? HEAD_WIDTH : undefined, fail),
    contextWidth: widest[1].shape[1] ?? 0,
    linearProjection,
    additionWidth: weights.has("label_emb.0.0.weight") ? size("label_emb.0.0.weight", 1) : undefined,
  };
}

function headCounts(
  channels: readonly number[],
  width: number | undefined,
  fail: OriginalTensors["fail"],
): readonly number[] {
  return channels.map((count) => {
    if (width === undefined) return HEADS;
    if (count > 0 && count % width === 0) return count / width;
    throw fail(`its level of ${count} channels does not divide into heads of ${width}`);
  });
}

/** Describes an autoencoder by the names and shapes of its tensors. */
export function inferAutoencoder({ size, count }: OriginalTensors): OriginalAutoencoder {
  const channels = Array.from({ length: count("encoder.down.") }, (_, level) =>
    size(`encoder.down.${level}.block.0.conv1.weight`, 0),
  );
  return {
    inChannels: size("encoder.conv_in.weight", 1),
    outChannels: size("decoder.conv_out.weight", 0),
    latentChannels: size("decoder.conv_in.weight", 1),
    channels,
    layers: count("encoder.down.0.block."),
  };
}

/** Describes OpenAI's text tower, which single files keep under transformers' names. */
export function inferClip({ size, count, weights }: OriginalTensors): OriginalText {
  const at = weights.has("text_model.embeddings.token_embedding.weight") ? "text_model." : "";
  return {
    width: size(`${at}embeddings.token_embedding.weight`, 1),
    innerWidth: size(`${at}encoder.layers.0.mlp.fc1.weight`, 0),
    layers: count(`${at}encoder.layers.`),
    positions: size(`${at}embeddings.position_embedding.weight`, 0),
    vocabularySize: size(`${at}embeddings.token_embedding.weight`, 0),
    projection: undefined,
    activation: "quick_gelu",
  };
}

/** Describes OpenCLIP's text tower; `projected` says whether the pipeline looks at what its pooled state becomes. */
export function inferOpenClip({ size, count }: OriginalTensors, projected: boolean): OriginalText {
  return {
    width: size("token_embedding.weight", 1),
    innerWidth: size("transformer.resblocks.0.mlp.c_fc.weight", 0),
    layers: count("transformer.resblocks."),
    positions: size("positional_embedding", 0),
    vocabularySize: size("token_embedding.weight", 0),
    projection: projected ? size("text_projection", 1) : undefined,
    activation: "gelu",
  };
}
