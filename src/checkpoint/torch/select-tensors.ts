import { LIMITS } from "../../errors/limits.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import { quote } from "../bytes/limits.ts";
import { CheckpointError } from "../errors.ts";
import { isTensor, type TorchTensor } from "./torch-objects.ts";

/** The tensors of one dictionary of a pickle by name, and what else was saved beside it. */
export interface SelectedTensors {
  readonly tensors: ReadonlyMap<string, TorchTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The tensors at `at`, the keys and places in lists that lead there with dots between them (-1 is a list's last place);
 * without it, those of the top level, or of the "state_dict" that trainers keep them in. Where a trainer saved a list,
 * names begin with the place in it: "0.conv_in.weight".
 */
export function selectTensors(root: unknown, source: ByteSource, at: string | undefined): SelectedTensors {
  const state = root instanceof Map ? (root.get("state_dict") as unknown) : undefined;
  const chosen = at !== undefined ? follow(root, at, source) : state instanceof Map ? state : flattened(root, source);
  const named = entriesOf(chosen instanceof Map ? chosen : undefined).filter((entry): entry is [string, TorchTensor] =>
    isTensor(entry[1]),
  );
  if (named.length === 0) {
    const place =
      at === undefined ? 'neither its top level nor its "state_dict" holds' : `its ${quote(at)} does not hold`;
    throw new CheckpointError(`Cannot read "${source.name}": ${place} tensors by name${contentsOf(root)}`);
  }
  const facts = chosen === root ? [] : entriesOf(root).filter(([, value]) => isFact(value));
  const texts = facts.map(([key, value]): [string, string] => [key, String(value)]);
  checkCharacters([...named.map(([name]) => name), ...texts.flat()], source);
  return { tensors: new Map(named), metadata: Object.fromEntries(texts) };
}

const { names: NAMES, characters: CHARACTERS } = LIMITS.torch;

/** A pickle may name one text, or one dictionary, any number of times in a few bytes each. */
function checkCharacters(texts: readonly string[], source: ByteSource): void {
  const total = texts.reduce((sum, { length }) => sum + length, 0);
  if (total <= CHARACTERS.most) return;
  throw new CheckpointError(
    `Cannot read "${source.name}": its names have ${total} characters, at most ${CHARACTERS.most} are read`,
  );
}

/** The dictionaries of a list as one, every name preceded by its dictionary's place; anything else as it is. */
function flattened(root: unknown, source: ByteSource): unknown {
  if (!Array.isArray(root)) return root;
  const total = root.reduce((sum: number, item: unknown) => sum + (item instanceof Map ? item.size : 0), 0);
  if (total > NAMES.most) {
    throw new CheckpointError(`Cannot read "${source.name}": it has ${total} names, at most ${NAMES.most} are read`);
  }
  return new Map(
    root.flatMap((item: unknown, place) =>
      item instanceof Map ? entriesOf(item).map(([name, value]): [string, unknown] => [`${place}.${name}`, value]) : [],
    ),
  );
}

/** Keys of a dictionary that are texts, or places in a list, with what is there. */
function entriesOf(value: unknown): [string, unknown][] {
  if (Array.isArray(value)) return value.map((item: unknown, i) => [String(i), item]);
  if (!(value instanceof Map)) return [];
  return [...(value as Map<unknown, unknown>)].filter(
    (entry): entry is [string, unknown] => typeof entry[0] === "string",
  );
}

function follow(root: unknown, at: string, source: ByteSource): unknown {
  let value = root;
  for (const step of at.split(".")) {
    const list = Array.isArray(value) && /^-?\d+$/.test(step) ? (value.at(Number(step)) as unknown) : undefined;
    const next = value instanceof Map ? ((value.get(step) ?? value.get(Number(step))) as unknown) : list;
    if (next === undefined) {
      throw new CheckpointError(`Cannot read "${source.name}": it has nothing at ${quote(at)}${contentsOf(root)}`);
    }
    value = next;
  }
  return value;
}

const MOST_SHOWN = 8;

function contentsOf(root: unknown): string {
  if (Array.isArray(root)) return ` (it is a list of ${root.length})`;
  const keys = entriesOf(root).slice(0, MOST_SHOWN);
  return keys.length > 0 ? ` (it holds ${keys.map(([key]) => quote(key)).join(", ")})` : "";
}

const isFact = (value: unknown): boolean => ["string", "number", "bigint", "boolean"].includes(typeof value);
