import type { UNetShape } from "../../../src/models/unet/unet.ts";
import type { Feed } from "../../../src/runtime/runtime.ts";
import type { FixtureFile } from "../fixtures.ts";

/** "case0.", "case1.", … of a fixture of network calls; "" where it holds a single case without prefix. */
export function caseNames(io: FixtureFile): string[] {
  const found = new Set(io.names.map((name) => /^case\d+\./.exec(name)?.[0] ?? ""));
  return [...found].filter((prefix) => io.has(`${prefix}sample`)).sort();
}

/** The sizes and inputs of one stored U-Net call. */
export function unetCase(io: FixtureFile, prefix: string): { shape: UNetShape; feeds: Record<string, Feed> } {
  const sample = io.tensor(`${prefix}sample`);
  const timestep = io.tensor(`${prefix}timestep`);
  const [batch = 0, , height = 0, width = 0] = sample.shape;
  const feeds: Record<string, Feed> = { sample, timestep: { data: timestep.data, shape: [timestep.data.length] } };
  for (const name of ["encoder_hidden_states", "text_embeds", "time_ids"]) {
    if (io.has(prefix + name)) feeds[name] = io.tensor(prefix + name);
  }
  const contextLength = feeds["encoder_hidden_states"]?.shape[1];
  return {
    feeds,
    shape: {
      batch,
      height,
      width,
      timesteps: timestep.data.length > 1 ? "each" : "shared",
      ...(contextLength === undefined ? {} : { contextLength }),
    },
  };
}
