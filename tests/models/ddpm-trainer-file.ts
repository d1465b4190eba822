import { concatenate } from "../checkpoint/files.ts";
import { pickle, text, torchZip, uint32, type ZipPart } from "../checkpoint/torch-files.ts";

/** A dictionary of vectors, or a number. */
export type TrainerItem = number | Readonly<Record<string, readonly number[]>>;

/** What torch.save writes of a list that a trainer keeps. */
export function trainerFile(items: readonly TrainerItem[]): Uint8Array {
  const storages: ZipPart[] = [];
  const tensor = (values: readonly number[]): Uint8Array => {
    const key = String(storages.length);
    storages.push({ name: `archive/data/${key}`, data: new Uint8Array(Float32Array.from(values).buffer) });
    return concatenate([
      pickle("ctorch._utils\n_rebuild_tensor_v2\n(("),
      text("storage"),
      pickle("ctorch\nFloatStorage\n"),
      text(key),
      text("cuda:0"),
      pickle("J", uint32(values.length), "tQJ", uint32(0), "(J", uint32(values.length), "t(J", uint32(1), "t"),
      pickle(0x89, "ccollections\nOrderedDict\n)RtR"),
    ]);
  };
  const item = (value: TrainerItem): Uint8Array =>
    typeof value === "number"
      ? pickle("J", uint32(value))
      : concatenate([
          pickle("ccollections\nOrderedDict\n)R("),
          ...Object.entries(value).flatMap(([name, values]) => [text(name), tensor(values)]),
          pickle("u"),
        ]);
  return torchZip(concatenate([pickle(0x80, 2, "](", []), ...items.map(item), pickle("e.")]), storages);
}
