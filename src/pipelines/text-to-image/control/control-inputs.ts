import type { Conditioning } from "../../../denoisers/evaluation.ts";
import { controlImageName, controlScaleName } from "../../../models/control/control-network.ts";
import type { PixelSize } from "../picture-sizes.ts";
import type { SettledControls } from "./control-options.ts";

/** What the U-Net's graph is told of the pictures, which stays the same over a run. */
export async function controlConditioning({ controls }: SettledControls, size: PixelSize): Promise<Conditioning> {
  if (controls.length === 0) return {};
  const { controlSamples } = await import("./control-samples.ts"); // which looks for edges, and resizes
  return Object.fromEntries(controls.map((control, index) => [controlImageName(index), controlSamples(control, size)]));
}

/** How strongly each network steers evaluation `evaluation` of `evaluations`: not at all outside of its part of the run. */
export const controlStrengths = (
  { controls }: SettledControls,
  evaluation: number,
  evaluations: number,
): Conditioning =>
  Object.fromEntries(
    controls.map(({ scale, start, end }, index) => {
      const isOutside = evaluation / evaluations < start || (evaluation + 1) / evaluations > end;
      return [controlScaleName(index), { data: Float32Array.of(isOutside ? 0 : scale), shape: [1] }];
    }),
  );
