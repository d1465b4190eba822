import { openComponent } from "../../src/checkpoint/folder/component.ts";
import type { Conditioning } from "../../src/denoisers/evaluation.ts";
import { type UNet, unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { unetCase } from "../support/models/unet-cases.ts";

export interface Network {
  readonly network: UNet;
  readonly sample: Tensor;
  readonly timestep: number;
  readonly conditioning: Conditioning;
}

/** A tiny U-Net with the inputs of its first stored call. */
export async function openNetwork(name: string): Promise<Network> {
  const { config, weights } = await openComponent(fixturePath(`models/${name}`));
  const { shape, feeds } = unetCase(readFixture(`models/${name}/io.safetensors`), "case0.");
  const { sample, timestep, ...conditioning } = feeds;
  return {
    network: unet(unetConfig(config), shape, weights),
    sample: sample as Tensor,
    timestep: (timestep as Tensor).data[0] ?? 0,
    conditioning,
  };
}
