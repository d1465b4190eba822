import type { ByteSource } from "../../checkpoint/bytes/byte-source.ts";
import { quote } from "../../checkpoint/bytes/limits.ts";
import type { CheckpointFile } from "../../checkpoint/checkpoint-file.ts";
import { CheckpointError } from "../../checkpoint/errors.ts";
import { openPlace } from "../../checkpoint/files/place.ts";
import { type FileLike, isFiles } from "../../checkpoint/files.ts";
import { isTorchFile, readCheckpoint } from "../../checkpoint/read-checkpoint.ts";
import { readTensor } from "../../checkpoint/read-tensor.ts";
import type { Weight, Weights } from "../../checkpoint/weights.ts";
import { elementCount, type Tensor } from "../../tensor/tensor.ts";

/** A model that an embedding is opened for. */
export interface EmbeddingTarget {
  /** For messages. */
  readonly name: string;
  /** Of the vectors that each of its text encoders takes. */
  readonly widths: readonly number[];
}

/** Where AUTOMATIC1111 keeps vectors in torch's files. */
const TORCH_PLACE = "string_to_param";

/** What vectors for several text encoders are called. */
const SEVERAL: readonly string[] = ["clip_l", "clip_g"];

/** Vectors of tokens (textual inversion), [tokens, width] for each text encoder of the model, one file for all of them. */
export async function openEmbedding(path: FileLike, target: EmbeddingTarget): Promise<readonly Tensor[]> {
  const source = await openPlace(path, "the embedding");
  if (isFiles(source)) {
    throw new CheckpointError(`Cannot open the embedding "${source.name}": it is a folder, a file is required`);
  }
  const { weights } = await readEmbeddingFile(source);
  const chosen = choose(weights, source.name, target);
  return await Promise.all(
    chosen.map(async ({ key, weight }, i) => {
      const width = target.widths[i] ?? 0;
      const found = weight.shape.at(-1);
      if (weight.shape.length < 1 || weight.shape.length > 2 || found !== width || elementCount(weight.shape) === 0) {
        throw refusal(
          source.name,
          target,
          `its ${quote(key)} is [${weight.shape}], vectors of width ${width} are what ${encoderName(target, i)} takes`,
        );
      }
      const { data } = await readTensor(weight);
      return { data, shape: [data.length / width, width] };
    }),
  );
}

/** A pickle of AUTOMATIC1111 has its vectors one level down. */
async function readEmbeddingFile(source: ByteSource): Promise<CheckpointFile> {
  if (!(await isTorchFile(source))) return await readCheckpoint(source);
  try {
    return await readCheckpoint(source, { at: TORCH_PLACE });
  } catch {
    return await readCheckpoint(source);
  }
}

interface Chosen {
  readonly key: string;
  readonly weight: Weight;
}

function choose(weights: Weights, file: string, target: EmbeddingTarget): readonly Chosen[] {
  const several = SEVERAL.flatMap((key): Chosen[] => {
    const weight = weights.get(key);
    return weight === undefined ? [] : [{ key, weight }];
  });
  const found = several.length > 0 ? several : [...weights].map(([key, weight]): Chosen => ({ key, weight }));
  if (found.length === target.widths.length) return found;
  const keys = found.slice(0, 4).map(({ key }) => quote(key));
  const names = keys.join(", ") + (found.length > keys.length ? ` and ${found.length - keys.length} more` : "");
  const required =
    target.widths.length === 1
      ? "one is required, for its text encoder"
      : `${SEVERAL.map((key) => `"${key}"`).join(" and ")} are required, for its two text encoders`;
  throw refusal(file, target, `it has ${found.length === 1 ? "the tensor" : "the tensors"} ${names}, ${required}`);
}

const encoderName = ({ widths }: EmbeddingTarget, index: number): string =>
  widths.length === 1 ? "its text encoder" : `its ${index === 0 ? "first" : "second"} text encoder`;

const refusal = (file: string, { name }: EmbeddingTarget, reason: string): CheckpointError =>
  new CheckpointError(`Cannot use the embedding "${file}" with "${name}": ${reason}`, { code: "MODEL_UNSUPPORTED" });
