import { conv2d } from "../../layers/conv2d.ts";
import type { Scope } from "../../layers/scope.ts";
import type { Value } from "../../onnx/graph.ts";
import { add, averagePool, relu, reshape, sizeOf, transpose } from "../../onnx/ops.ts";
import { entry } from "../../tensor/tensor.ts";
import { configReader, LAYER_COUNT } from "../config-reader.ts";
import type { T2iAdapterConfig } from "./control-network.ts";

const KINDS = { full_adapter: "full", full_adapter_xl: "full-xl", light_adapter: "light" } as const;

/** Reads a diffusers config.json of T2IAdapter; an unsupported setting is refused by name. */
export function t2iAdapterConfig(config: unknown, source = "t2i-adapter/config.json"): T2iAdapterConfig {
  const read = configReader(config, source);
  const kind = read.choice("adapter_type", KINDS, "full_adapter");
  const channels = read.integers("channels", [320, 640, 1280, 1280]);
  if (channels.length === 0) read.fail("channels", "one width at least");
  const downscale = read.integer("downscale_factor", 8, { most: 64 });
  if (kind === "full-xl" && downscale % 2 !== 0) read.fail("downscale_factor", "an even number");
  return {
    kind,
    hintChannels: read.integer("in_channels", 3),
    channels,
    blocks: read.integer("num_res_blocks", 2, LAYER_COUNT),
    downscale,
  };
}

/** A T2I-Adapter (Mou et al. 2023): what is added to the levels of a U-Net's way down, made from the picture alone. */
export function t2iAdapter(root: Scope, config: T2iAdapterConfig, image: Value): readonly Value[] {
  const { kind, channels, blocks, downscale } = config;
  const scope = root.at("adapter");
  let h = unshuffled(image, downscale);
  if (kind !== "light") h = conv2d(scope.at("conv_in"), h, entry(channels, 0), THREE);
  const widths = kind === "light" ? [...channels, entry(channels, channels.length - 1)] : channels;
  return widths.map((width, i) => {
    const block = scope.at(`body.${i}`);
    const isHalved = kind === "full-xl" ? i === 2 : i > 0;
    const x = isHalved ? averagePool(h, { kernel: 2, stride: 2, roundUp: true }) : h;
    h = kind === "light" ? lightBlock(block, x, width, blocks) : fullBlock(block, x, width, blocks);
    return h;
  });
}

const THREE = { kernel: 3, padding: 1 } as const;

function fullBlock(scope: Scope, x: Value, width: number, blocks: number): Value {
  const start = sizeOf(x, 1) === width ? x : conv2d(scope.at("in_conv"), x, width);
  return residualBlocks(scope, start, blocks, {});
}

function lightBlock(scope: Scope, x: Value, width: number, blocks: number): Value {
  const narrow = conv2d(scope.at("in_conv"), x, Math.floor(width / 4));
  return conv2d(scope.at("out_conv"), residualBlocks(scope, narrow, blocks, THREE), width);
}

/** Two convolutions around a residual, several times; `second` is the size of the second one. */
function residualBlocks(scope: Scope, x: Value, blocks: number, second: Partial<typeof THREE>): Value {
  let h = x;
  for (let i = 0; i < blocks; i++) {
    const at = scope.at(`resnets.${i}`);
    const width = sizeOf(h, 1);
    h = add(conv2d(at.at("block2"), relu(conv2d(at.at("block1"), h, width, THREE)), width, second), h);
  }
  return h;
}

/** Squares of `factor` pixels a side as channels, as torch.nn.PixelUnshuffle has them. */
function unshuffled(x: Value, factor: number): Value {
  const [batch, channels, height, width] = [0, 1, 2, 3].map((axis) => sizeOf(x, axis)) as [
    number,
    number,
    number,
    number,
  ];
  const [rows, columns] = [height / factor, width / factor];
  const squares = reshape(x, [batch, channels, rows, factor, columns, factor]);
  return reshape(transpose(squares, [0, 1, 3, 5, 2, 4]), [batch, channels * factor * factor, rows, columns]);
}
