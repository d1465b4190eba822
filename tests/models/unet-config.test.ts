import { describe, expect, test } from "vitest";
import { ARCHITECTURES } from "../../src/models/architectures.ts";
import { skipCount, unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { weightNames } from "./graphs.ts";

const SD = ARCHITECTURES["stable-diffusion-v1-5"].unet;
const DDPM = ARCHITECTURES["ddpm-cifar10"].unet;

describe("unetConfig()", () => {
  test("fills in diffusers' defaults", () => {
    const config = unetConfig({
      _class_name: "UNet2DConditionModel",
      down_block_types: SD["down_block_types"],
      up_block_types: SD["up_block_types"],
    });
    expect(config.down.map(({ channels }) => channels)).toEqual([320, 640, 1280, 1280]);
    expect(config).toMatchObject({ contextWidth: 1280, groups: 32, epsilon: 1e-5, timeWidth: 1280, inChannels: 4 });
    expect(config.down[0]?.attention).toEqual({ kind: "cross", heads: 8, layers: 1, onlyCrossAttention: false });
  });

  test.each([
    [
      { _class_name: "UNet3DConditionModel" },
      '"_class_name" is "UNet3DConditionModel" where "UNet2DConditionModel" or',
    ],
    [
      { down_block_types: ["MagicBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D"] },
      "CrossAttnDownBlock2D and DownBlock2D",
    ],
    [{ up_block_types: ["UpBlock2D"] }, "a list of 4, one for each level"],
    [{ mid_block_type: "UNetMidBlock2DSimpleCrossAttn" }, '"UNetMidBlock2DCrossAttn" or "UNetMidBlock2D"'],
    [{ act_fn: "mish" }, '"act_fn" is "mish" where "silu" or "swish" is required'],
    [{ block_out_channels: [320, 650, 1280, 1280] }, "a divisor of 650 channels"],
    [{ block_out_channels: "wide" }, "a list of positive whole numbers"],
    [{ attention_head_dim: [8, 8] }, ", or a list of 4, one for each level is required"],
    [{ layers_per_block: 0 }, ", or a list of 4, one for each level is required"],
    [{ cross_attention_dim: [768, 768, 768, 1024] }, "the same width for all levels"],
    [{ class_embed_type: "projection" }, '"class_embed_type" is "projection" where no value is required'],
    [{ addition_embed_type: "image" }, '"addition_embed_type" is "image" where "text_time" is required'],
    [{ time_embedding_type: "fourier" }, '"positional" is required'],
    [{ dual_cross_attention: true }, '"dual_cross_attention" is true where false is required'],
    [{ in_channels: 2.5 }, "a whole number"],
    [{ norm_eps: "small" }, "a number"],
  ])("refuses %o with one sentence", (change, message) => {
    expect(() => unetConfig({ ...SD, ...change }, "unet/config.json")).toThrow(message);
    expect(() => unetConfig({ ...SD, ...change }, "unet/config.json")).toThrow('config "unet/config.json"');
  });

  test("of UNet2DModel norms the middle's attention as diffusers does", () => {
    const groupsOf = (change: object) => unetConfig({ ...DDPM, ...change }).attentionGroups;
    expect([groupsOf({}), groupsOf({ attn_norm_num_groups: 8 })]).toEqual([32, 8]);
    expect(groupsOf({ resnet_time_scale_shift: "scale_shift", attn_norm_num_groups: 8 })).toBe(8);
    const bare = unetConfig({ ...DDPM, resnet_time_scale_shift: "scale_shift", attn_norm_num_groups: null });
    const { graph } = unet(bare, { batch: 1, height: 32, width: 32 });
    const names = weightNames(graph);
    expect(names.filter((name) => name.startsWith("mid_block.attentions.0.group_norm"))).toEqual([]);
    expect(names.some((name) => name.startsWith("mid_block.attentions.0.to_q"))).toBe(true);
  });

  test.each([
    [{}, [false, false, false], false],
    [{ only_cross_attention: true }, [true, true, true], true],
    [{ only_cross_attention: true, mid_block_only_cross_attention: null }, [true, true, true], true],
    [{ only_cross_attention: true, mid_block_only_cross_attention: false }, [true, true, true], false],
    [{ only_cross_attention: false, mid_block_only_cross_attention: true }, [false, false, false], true],
    [{ only_cross_attention: [true, true, false, true] }, [true, true, false], false],
  ])("with %o gives the middle self-attention as diffusers does", (change, levels, middle) => {
    const { down, mid } = unetConfig({ ...SD, ...change });
    const attentions = [...down.slice(0, 3), mid].map((place) => place?.attention);
    expect(attentions).toMatchObject([...levels, middle].map((onlyCrossAttention) => ({ onlyCrossAttention })));
  });

  test("refuses what is no config", () => {
    for (const json of [null, [], 3, "x"]) expect(() => unetConfig(json, "c.json")).toThrow('"c.json": it holds');
  });

  test("refuses a sample that UNet2DModel cannot halve, before anything is built", () => {
    const config = unetConfig(DDPM);
    expect(() => unet(config, { batch: 1, height: 30, width: 32 })).toThrow("32x30 samples: multiples of 8");
    expect(skipCount(config)).toBe(12);
  });

  test("takes lists where configs have one entry per level", () => {
    const config = unetConfig({ ...SD, layers_per_block: [1, 2, 2, 3], attention_head_dim: [5, 10, 20, 20] });
    expect(config.down.map(({ layers }) => layers)).toEqual([1, 2, 2, 3]);
    expect(config.up.map(({ layers }) => layers)).toEqual([4, 3, 3, 2]);
    expect(skipCount(config)).toBe(8 + 4);
    const network = unet(config, { batch: 1, height: 16, width: 16 });
    expect(network.skips).toHaveLength(12);
    expect(network.features.every((feature) => feature !== undefined)).toBe(true);
  });
});
