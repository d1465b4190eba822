import { configReader } from "../config-reader.ts";
import { unetConfig } from "../unet/unet-config.ts";
import { type ControlNetConfig, HINT_WIDTHS } from "./control-network.ts";

/** Reads a diffusers config.json of ControlNetModel; an unsupported setting is refused by name. */
export function controlNetConfig(config: unknown, source = "controlnet/config.json"): ControlNetConfig {
  const read = configReader(config, source);
  if (read.string("_class_name", CLASS) !== CLASS) read.fail("_class_name", JSON.stringify(CLASS));
  const down = read.strings("down_block_types", DOWN);
  const fields = config as Readonly<Record<string, unknown>>;
  const depths = fields["transformer_layers_per_block"];
  const asUNet = Object.assign(Object.create(fields) as object, {
    _class_name: "UNet2DConditionModel",
    down_block_types: down,
    up_block_types: down.map((type) => type.replace("Down", "Up")).reverse(),
    // Small ones have no transformer anywhere, and say 0 where a U-Net says nothing.
    ...(Array.isArray(depths)
      ? { transformer_layers_per_block: depths.map((depth) => (depth === 0 ? 1 : depth)) }
      : {}),
  });
  const hintWidths = read.integers("conditioning_embedding_out_channels", HINT_WIDTHS);
  if (hintWidths.length === 0) read.fail("conditioning_embedding_out_channels", "one width at least");
  return {
    unet: unetConfig(asUNet, source),
    hintChannels: read.integer("conditioning_channels", 3),
    hintWidths,
    blueFirst: read.choice("controlnet_conditioning_channel_order", { rgb: false, bgr: true }, "rgb"),
    pooled: read.boolean("global_pool_conditions", false),
  };
}

const CLASS = "ControlNetModel";
const DOWN = [...new Array<string>(3).fill("CrossAttnDownBlock2D"), "DownBlock2D"];
