import { CheckpointError } from "../checkpoint/errors.ts";
import { type OpenCheckpointOptions, openCheckpoint } from "../checkpoint/open-checkpoint.ts";
import { readTensor } from "../checkpoint/read-tensor.ts";
import type { Weight, Weights } from "../checkpoint/weights.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import { imagesToSamples } from "../image/samples.ts";
import { LPIPS_NETWORKS, type LpipsNetwork, type LpipsWeights, lpipsModel } from "../models/judges/lpips.ts";
import { lpipsName } from "../models/judges/lpips-keys.ts";
import { checkFit } from "../originals/keys/check-fit.ts";
import type { Runtime, Session } from "../runtime/runtime.ts";
import { entry } from "../tensor/tensor.ts";
import { filledUp } from "./batches.ts";
import { checkSameSize } from "./psnr.ts";

/** The network of LPIPS, described but not loaded. */
export interface LpipsModel extends LpipsWeights {
  readonly network: LpipsNetwork;
}

/**
 * Opens the weights of LPIPS: torchvision's file of AlexNet or VGG16 and lpips' own `alex.pth` or `vgg.pth`, or one file
 * with the state of a whole `lpips.LPIPS`. The network is told by the shapes.
 */
export async function openLpips(
  paths: readonly string[],
  options: Omit<OpenCheckpointOptions, "at"> = {},
): Promise<LpipsModel> {
  const files = paths.length === 0 ? "no files" : paths.map((path) => `"${path}"`).join(" and ");
  const weights = new Map<string, Weight>();
  for (const path of paths) {
    const own = new Map<string, Weight>();
    for (const [key, weight] of (await openCheckpoint(path, options)).weights) own.set(lpipsName(key), weight);
    for (const [key, weight] of own) {
      if (weights.has(key)) throw new CheckpointError(`Cannot use ${files} for LPIPS: several hold "${key}"`);
      weights.set(key, weight);
    }
  }
  const network = networkOf(weights, files);
  const { smallest: side } = LPIPS_NETWORKS[network];
  checkFit(files, () => lpipsModel(network, { pairs: 1, height: side, width: side }, { weights }));
  // A few kilobytes, which lie in another folder than the network's where the package was installed.
  const linear = [...weights].filter(([key]) => LINEAR.test(key));
  const held = await Promise.all(linear.map(async ([key, weight]) => [key, await readTensor(weight)] as const));
  return { network, weights, held: new Map(held) };
}

const LINEAR = /^lin\d+\./;

const FIRST = "features.0.weight";
/** The shape of `FIRST`; squeezenet's is that of VGG, and told from it by what follows. */
const FIRST_SHAPES: Readonly<Record<LpipsNetwork, readonly number[]>> = { alex: [64, 3, 11, 11], vgg: [64, 3, 3, 3] };

function networkOf(weights: Weights, files: string): LpipsNetwork {
  const shape = weights.get(FIRST)?.shape;
  const networks = Object.keys(FIRST_SHAPES) as LpipsNetwork[];
  const found = networks.find((network) => FIRST_SHAPES[network].join() === shape?.join());
  if (found !== undefined) return found;
  const required = networks.map((network) => `[${FIRST_SHAPES[network]}] of ${LPIPS_NETWORKS[network].title}`);
  const actual = shape === undefined ? "missing" : `[${shape}]`;
  throw new CheckpointError(
    `Cannot use ${files} for LPIPS: "${FIRST}" is ${actual} where ${required.join(" or ")} is required`,
  );
}

/** Learned perceptual image patch similarity, 0 for equal images. */
export interface Lpips extends AsyncDisposable {
  /** The distance of every image from the original at its place; all have one size. */
  distances(images: readonly RgbImage[], originals: readonly RgbImage[]): Promise<number[]>;
}

/** Compares images by `model`, at most `batch` pairs at a time; it is loaded when a size of images is first seen. */
export function lpips(runtime: Runtime, { network, ...stored }: LpipsModel, batch: number): Lpips {
  if (!Number.isInteger(batch) || batch < 1) {
    throw new RangeError(`Cannot compare ${batch} pairs at a time: a positive whole number is required`);
  }
  let loaded: { readonly size: string; readonly session: Session } | undefined;
  const dispose = async (): Promise<void> => {
    const { session } = loaded ?? {};
    loaded = undefined;
    await session?.[Symbol.asyncDispose]();
  };
  const sessionFor = async ({ width, height }: RgbImage, pairs: number): Promise<Session> => {
    const size = `${width}x${height}`;
    if (loaded?.size !== size) {
      await dispose();
      loaded = { size, session: await runtime.load(lpipsModel(network, { pairs, height, width }, stored)) };
    }
    return loaded.session;
  };
  return {
    async distances(images, originals) {
      const [first] = images;
      if (first === undefined || images.length !== originals.length) {
        throw new RangeError(
          `Cannot compare ${images.length} images with ${originals.length} originals: as many of both, one at least, are required`,
        );
      }
      for (const [i, image] of images.entries()) checkSameSize(image, entry(originals, i));
      const pairs = pairsAtATime(first, batch);
      const session = await sessionFor(first, pairs);
      const result: number[] = [];
      for (let at = 0; at < images.length; at += pairs) {
        const part = (all: readonly RgbImage[]) => filledUp(all.slice(at, at + pairs), pairs);
        const distances = await run(session, part(images), part(originals));
        result.push(...distances.subarray(0, images.length - at));
      }
      return result;
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** VGG's first layer takes 128 floats for each pixel of a pair at a time. */
const MOST_PIXELS = 2 ** 19;

/** As many pairs as memory is spent on; it depends on nothing else, so that values do not change from run to run. */
const pairsAtATime = ({ width, height }: RgbImage, batch: number): number =>
  Math.max(1, Math.min(batch, Math.floor(MOST_PIXELS / (width * height))));

async function run(session: Session, images: readonly RgbImage[], originals: readonly RgbImage[]) {
  const outputs = await session.run({ images: imagesToSamples(images), originals: imagesToSamples(originals) });
  try {
    const { distances } = outputs;
    if (distances === undefined) throw new TypeError('The graph has no output "distances"');
    return (await distances.download()).data.slice();
  } finally {
    for (const output of Object.values(outputs)) output[Symbol.dispose]();
  }
}
