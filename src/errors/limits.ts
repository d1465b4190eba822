/** The most of something that is read, and why that is enough. */
export interface Limit {
  readonly most: number;
  /** What is counted. */
  readonly of: string;
  /** What there is of it in files that people have. */
  readonly enough: string;
}

const limit = (most: number, of: string, enough: string): Limit => ({ most, of, enough });

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * How much is read of every format: work and memory grow with the size of a file, never with what it says. docs/limits.md
 * shows this table.
 */
export const LIMITS = {
  safetensors: {
    headerBytes: limit(100_000_000, "bytes of the header", "the format's own limit; ten thousand tensors take 1 MB"),
    tensors: limit(200_000, "tensors", "SDXL has 2,500 in all"),
    dimensions: limit(16, "dimensions of a tensor", "networks use 5"),
  },
  json: {
    bytes: limit(64 * MIB, "bytes of a file", "a tokenizer.json takes 2 MB"),
    marks: limit(4_000_000, "brackets, commas and colons", "the header of ten thousand tensors has 150,000"),
    depth: limit(200, "brackets inside one another", "configs have 6"),
  },
  yaml: {
    bytes: limit(64 * KIB, "bytes of a file", "the original repositories' files have 2 to 4 kB"),
    aliases: limit(100, "uses of an alias", "the original repositories' files have none"),
  },
  torch: {
    pickleBytes: limit(32 * MIB, "bytes of the pickle", "ten thousand tensors take 2 MB"),
    steps: limit(2_000_000, "steps of the pickle", "ten thousand tensors take 350,000"),
    integerBytes: limit(1024, "bytes of a whole number", "torch's own magic number has 10"),
    names: limit(200_000, "names in a dictionary, or in a list of dictionaries", "trainers keep 3,000"),
    characters: limit(16 * MIB, "characters of names and of what was saved beside the tensors", "names take 1 MB"),
    growth: limit(8, "times its size, and 16 MiB, that a copy of a file takes", "weights hardly compress"),
    gathering: limit(
      80,
      "times its size, and 256 MiB, that is read to put tensors in order",
      "64 for a transposed one",
    ),
  },
  zip: {
    directoryBytes: limit(64 * MIB, "bytes of the directory", "a storage takes 100"),
    entries: limit(200_100, "entries", "one for each tensor, and a few that say what they are"),
  },
  npz: {
    arrays: limit(1000, "arrays", "references of FID have 5"),
    inflatedBytes: limit(
      256 * MIB,
      "bytes that compressed arrays unpack to, together",
      "statistics of FID take 32 MiB",
    ),
    numbers: limit(2 ** 24, "numbers of an array that is read whole", "a covariance of FID has 4,194,304"),
  },
  png: {
    pixels: limit(2 ** 28, "pixels of a picture of any format", "a picture of 16,384 x 16,384"),
    rowBytes: limit(
      64 * MIB + 64 * KIB,
      "bytes of rows, if they are more than 200 times the file",
      "4,096 x 4,096 with alpha",
    ),
    inflation: limit(
      200,
      "times its size that a PNG's rows take, if that is more",
      "drawings of a few colours reach 100",
    ),
    side: limit(65_535, "pixels along a side", "as in JPEG"),
    nameCharacters: limit(
      100,
      "characters of a setting's name in the text of a picture",
      "Stable Diffusion programs use 30",
    ),
  },
  config: {
    count: limit(2 ** 20, "any count, width or size in a config", "the largest vocabulary has 49,408"),
    levels: limit(16, "levels, and other lists of numbers", "U-Nets have 6 at most"),
    layers: limit(128, "layers of a level, of a block or of an encoder", "the largest CLIP has 48"),
    residualBlocks: limit(64, "residual blocks of a U-Net", "DDPM has 32"),
    transformerBlocks: limit(128, "transformer blocks of a U-Net", "SDXL has 70"),
    positions: limit(4096, "tokens of a prompt", "CLIP takes 77"),
  },
  scheduler: {
    bytes: limit(MIB, "bytes of a config", "one with all betas has 25 kB"),
    timesteps: limit(100_000, "timesteps of training", "models have 1,000"),
  },
  tokenizer: {
    tokens: limit(1_000_000, "tokens, and merges", "CLIP has 49,408"),
    positions: limit(4096, "tokens of a prompt", "CLIP takes 77"),
    brackets: limit(250, "brackets inside one another in a prompt with weights", "people write 5"),
  },
  evaluation: {
    shards: limit(10_000, "shards of an evaluation", "one for each process of a cluster"),
    batch: limit(10_000, "images of a batch", "memory ends before"),
    images: limit(10_000_000, "images of an evaluation", "FID takes 50,000"),
  },
  server: {
    bodyBytes: limit(64 * MIB, "bytes of a request", "two photographs of 16 megapixels as base64"),
    characters: limit(20_000, "characters of a text in a request", "long prompts have 2,000; CLIP reads 77 tokens"),
    pictures: limit(16, "images of a request", "other servers make 10 at most"),
    pixels: limit(2 ** 22, "pixels of an image that is asked for", "2,048 x 2,048; SDXL was trained for 1,048,576"),
    steps: limit(250, "steps of a run", "the paper's longest runs have 250"),
    picturePixels: limit(
      2 ** 25,
      "pixels of the pictures of a request, together",
      "a photograph of 16 megapixels and its mask",
    ),
    adapters: limit(16, "LoRAs of a request", "people combine a handful"),
    priority: limit(10, "levels of priority above the usual one", "people tell apart a handful"),
    waiting: limit(64, "jobs that wait", "at a picture every ten seconds, ten minutes"),
    waitingOfOne: limit(32, "jobs of one key that wait", "half of all"),
    waitingBytes: limit(
      2 ** 30,
      "bytes of pictures in jobs that wait",
      "ten of the largest, or a thousand of 512 x 512",
    ),
    keptBytes: limit(2 ** 28, "bytes of pictures of jobs that have ended", "thirty of 2,048 x 2,048"),
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Limit>>>>;
