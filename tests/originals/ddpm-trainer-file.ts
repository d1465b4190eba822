import type { Tensor } from "../../src/tensor/tensor.ts";
import { concatenate } from "../checkpoint/files.ts";
import { pickle, text, torchZip, uint32, type ZipPart } from "../checkpoint/torch-files.ts";

/** A dictionary of tensors, or a number. */
export type TrainerItem = number | Readonly<Record<string, Tensor>>;

/** What torch.save writes of a list that a trainer keeps. */
export function trainerFile(items: readonly TrainerItem[]): Uint8Array {
  const storages: ZipPart[] = [];
  const tensor = ({ data, shape }: Tensor): Uint8Array => {
    const key = String(storages.length);
    storages.push({ name: `archive/data/${key}`, data: new Uint8Array(data.slice().buffer) });
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
    return concatenate([
      pickle("ctorch._utils\n_rebuild_tensor_v2\n(("),
      text("storage"),
      pickle("ctorch\nFloatStorage\n"),
      text(key),
      text("cuda:0"),
      pickle("J", uint32(data.length), "tQJ", uint32(0), ...counts(shape), ...counts(strides)),
      pickle(0x89, "ccollections\nOrderedDict\n)RtR"),
    ]);
  };
  const item = (value: TrainerItem): Uint8Array =>
    typeof value === "number"
      ? pickle("J", uint32(value))
      : concatenate([
          pickle("ccollections\nOrderedDict\n)R("),
          ...Object.entries(value).flatMap(([name, entry]) => [text(name), tensor(entry)]),
          pickle("u"),
        ]);
  return torchZip(concatenate([pickle(0x80, 2, "](", []), ...items.map(item), pickle("e.")]), storages);
}

const counts = (values: readonly number[]) => ["(", ...values.flatMap((value) => ["J", uint32(value)]), "t"];
