import type { ByteSource } from "../checkpoint/bytes/byte-source.ts";
import { CheckpointError } from "../checkpoint/errors.ts";
import { type NpzArray, openNpz, writeNpz } from "../checkpoint/numpy/npz.ts";
import { type RgbImage, rgbImage } from "../image/rgb-image.ts";
import { INCEPTION_WIDTHS, type InceptionOutput } from "../models/judges/inception.ts";
import type { FeatureStatistics } from "./frechet-distance.ts";
import { matrix } from "./linear-algebra/matrix.ts";

/** Images to compare with, read some at a time. */
export interface ReferenceImages {
  readonly count: number;
  read(begin: number, end: number): Promise<readonly RgbImage[]>;
}

/** What images are compared with: pictures, statistics of their features, or both. */
export interface Reference {
  readonly images?: ReferenceImages;
  readonly statistics: Readonly<Record<string, FeatureStatistics>>;
}

/** Names of the statistics in files of pytorch-fid (mu, sigma) and of ADM's evaluator (all four). */
const STATISTICS = { pool: ["mu", "sigma"], spatial: ["mu_s", "sigma_s"] } as const satisfies Partial<
  Record<InceptionOutput, readonly [string, string]>
>;

/** ADM's name for the pictures themselves. */
const PICTURES = "arr_0";

/**
 * Opens statistics of a set of images as pytorch-fid's `--save-stats` writes them (`mu` and `sigma`), or a reference batch
 * of ADM's evaluator (`arr_0`, the pictures as uint8 [N, H, W, 3], besides `mu`, `sigma`, `mu_s` and `sigma_s`).
 */
export async function openReferenceStatistics(source: ByteSource): Promise<Reference> {
  const arrays = await openNpz(source);
  const statistics: Partial<Record<InceptionOutput, FeatureStatistics>> = {};
  for (const [output, names] of Object.entries(STATISTICS) as [keyof typeof STATISTICS, readonly [string, string]][]) {
    const [mean, covariance] = names.map((name) => arrays.get(name));
    if (mean === undefined && covariance === undefined) continue;
    statistics[output] = await readStatistics(source, { output, names, mean, covariance });
  }
  const pictures = arrays.get(PICTURES);
  if (pictures === undefined && Object.keys(statistics).length === 0) {
    throw new CheckpointError(
      `Cannot read reference statistics from "${source.name}": it holds ${[...arrays.keys()].join(", ")} where mu and sigma, or arr_0, are required`,
    );
  }
  return { statistics, ...(pictures === undefined ? {} : { images: referenceImages(source, pictures) }) };
}

interface StoredStatistics {
  readonly output: InceptionOutput;
  readonly names: readonly [string, string];
  readonly mean: NpzArray | undefined;
  readonly covariance: NpzArray | undefined;
}

async function readStatistics(
  source: ByteSource,
  { output, names, mean, covariance }: StoredStatistics,
): Promise<FeatureStatistics> {
  const width = INCEPTION_WIDTHS[output];
  const found = [mean, covariance].map((array) => (array === undefined ? "nothing" : `[${array.shape}]`));
  if (mean?.shape.join() !== `${width}` || covariance?.shape.join() !== `${width},${width}`) {
    throw new CheckpointError(
      `Cannot read reference statistics from "${source.name}": ${names.join(" and ")} are ${found.join(" and ")} where [${width}] and [${width},${width}] are required`,
    );
  }
  return { mean: await mean.values(), covariance: matrix(width, width, await covariance.values()) };
}

function referenceImages(source: ByteSource, { shape, type, read }: NpzArray): ReferenceImages {
  const [count = 0, height = 0, width = 0, channels] = shape;
  if (shape.length !== 4 || channels !== 3 || type !== "|u1" || count < 2) {
    throw new CheckpointError(
      `Cannot read reference pictures from "${source.name}": ${PICTURES} is ${type}[${shape}] where |u1[N,height,width,3] with at least 2 pictures is required`,
    );
  }
  const size = height * width * 3;
  return {
    count,
    async read(begin, end) {
      const bytes = await read(begin * size, end * size);
      return Array.from({ length: end - begin }, (_, i) =>
        rgbImage(width, height, bytes.slice(i * size, (i + 1) * size)),
      );
    },
  };
}

/** Writes statistics under the names that pytorch-fid and ADM's evaluator read. */
export async function writeReferenceStatistics(
  path: string,
  statistics: Readonly<Partial<Record<keyof typeof STATISTICS, FeatureStatistics>>>,
): Promise<void> {
  const arrays = Object.entries(statistics).flatMap(([output, { mean, covariance }]) => {
    const [mu, sigma] = STATISTICS[output as keyof typeof STATISTICS];
    const { rows, columns, data } = covariance;
    return [
      [mu, { data: mean, shape: [mean.length] }],
      [sigma, { data, shape: [rows, columns] }],
    ] as const;
  });
  await writeNpz(path, Object.fromEntries(arrays));
}
