import { type OpenCheckpointOptions, openCheckpoint } from "../checkpoint/open-checkpoint.ts";
import type { Weights } from "../checkpoint/weights.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import { INCEPTION_WIDTHS, type InceptionInput, type InceptionOutput, inception } from "../models/judges/inception.ts";
import type { Runtime, Session } from "../runtime/runtime.ts";
import { entry, type Tensor } from "../tensor/tensor.ts";
import { filledUp } from "./batches.ts";

/** Opens the weights of the FID Inception network: pytorch-fid's `.pth`, or the same tensors as safetensors. */
export async function openInception(path: string, options: OpenCheckpointOptions = {}): Promise<Weights> {
  const { weights } = await openCheckpoint(path, options);
  inception({ batch: 1, height: 299, width: 299 }, weights); // refuses weights of another network at once
  return weights;
}

/** How images are looked at. */
export interface InceptionOptions {
  /** Images that go through the network together. */
  readonly batch: number;
  readonly input?: InceptionInput | undefined;
}

/** The Inception network, looking at images of any size. */
export interface InceptionFeatures extends AsyncDisposable {
  /** One vector per image and output, one after the other; images of one call must have one size. */
  extract(images: readonly RgbImage[]): Promise<Readonly<Record<InceptionOutput, Float32Array>>>;
}

/** Looks at images with `weights`, for which a graph is loaded whenever their size changes. */
export function inceptionFeatures(
  runtime: Runtime,
  weights: Weights,
  { batch, input }: InceptionOptions,
): InceptionFeatures {
  let loaded: { readonly size: string; readonly session: Session } | undefined;
  const sessionFor = async ({ height, width }: RgbImage): Promise<Session> => {
    const size = `${width}x${height}`;
    if (loaded?.size !== size) {
      await loaded?.session[Symbol.asyncDispose]();
      loaded = undefined;
      const rule = input === undefined ? {} : { input };
      loaded = { size, session: await runtime.load(inception({ batch, height, width, ...rule }, weights)) };
    }
    return loaded.session;
  };
  return {
    async extract(images) {
      const session = await sessionFor(entry(images, 0));
      const found = Object.fromEntries(
        Object.entries(INCEPTION_WIDTHS).map(([name, width]) => [name, new Float32Array(images.length * width)]),
      ) as Record<InceptionOutput, Float32Array>;
      for (let at = 0; at < images.length; at += batch) {
        const part = images.slice(at, at + batch);
        const outputs = await session.run({ pixels: levels(filledUp(part, batch)) });
        try {
          for (const [name, width] of Object.entries(INCEPTION_WIDTHS) as [InceptionOutput, number][]) {
            const { data } = (await outputs[name]?.download()) ?? { data: new Float32Array() };
            found[name].set(data.subarray(0, part.length * width), at * width);
          }
        } finally {
          for (const output of Object.values(outputs)) output[Symbol.dispose]();
        }
      }
      return found;
    },
    async [Symbol.asyncDispose]() {
      await loaded?.session[Symbol.asyncDispose]();
      loaded = undefined;
    },
  };
}

/** The levels of images of one size, 0 to 255, as [N, 3, H, W]. */
function levels(images: readonly RgbImage[]): Tensor {
  const { width, height } = entry(images, 0);
  const plane = width * height;
  const data = new Float32Array(images.length * 3 * plane);
  for (const [index, image] of images.entries()) {
    if (image.width !== width || image.height !== height) {
      throw new RangeError(
        `Cannot look at images of ${width}x${height} and ${image.width}x${image.height} pixels together: sizes must agree`,
      );
    }
    for (let channel = 0; channel < 3; channel++) {
      const start = (3 * index + channel) * plane;
      for (let i = 0; i < plane; i++) data[start + i] = image.data[3 * i + channel]!;
    }
  }
  return { data, shape: [images.length, 3, height, width] };
}
