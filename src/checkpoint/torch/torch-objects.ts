import { LIMITS } from "../../errors/limits.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import { isCount, quote } from "../bytes/limits.ts";
import { CheckpointError } from "../errors.ts";
import { DICTIONARY_STEPS, type PickleHost } from "./pickle.ts";

/** A flat array outside of the pickle, which several tensors may share. */
export interface Storage {
  readonly kind: "storage";
  readonly key: string;
  readonly dtype: Dtype;
  readonly elements: number;
}

/** A view of a storage; offset and strides count elements. */
export interface TorchTensor {
  readonly kind: "tensor";
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

interface Global {
  readonly kind: "global";
  readonly name: string;
}

/** Stands for an object of a class that is not needed: neither its constructor nor its attributes are looked at. */
interface Opaque {
  readonly kind: "opaque";
}

const STORAGES: Readonly<Record<string, Dtype>> = {
  "torch.DoubleStorage": "F64",
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};

type Spend = (steps: number) => void;
type Call = (args: readonly unknown[], fail: Fail, spend: Spend) => unknown;

/** The only functions that a checkpoint needs, as what they make of their arguments. */
const CALLS: Readonly<Record<string, Call>> = {
  "collections.OrderedDict": buildDictionary,
  "torch.Size": ([sizes]) => sizes,
  "torch._utils._rebuild_tensor": rebuildTensor,
  "torch._utils._rebuild_tensor_v2": rebuildTensor,
  "torch._utils._rebuild_parameter": ([data]) => data,
};

/** Bookkeeping of trainers, met in published checkpoints beside the weights. */
const OPAQUE: ReadonlySet<string> = new Set([
  ...["scalar", "_reconstruct"].flatMap((name) => [`numpy.core.multiarray.${name}`, `numpy._core.multiarray.${name}`]),
  ...["numpy.dtype", "numpy.ndarray", "_codecs.encode", "argparse.Namespace", "typing.Any", "collections.defaultdict"],
  ...["dict", "list", "tuple", "set", "frozenset", "int", "float", "str", "bool", "bytes"].flatMap((name) => [
    `builtins.${name}`,
    `__builtin__.${name}`,
  ]),
  ...["torch.device", "torch.float16", "torch.bfloat16", "torch.float32", "torch.float64", "torch.int64"],
]);
const OPAQUE_MODULE = /^(pytorch_lightning|lightning|lightning_fabric|omegaconf)(\.\w+)*$/;

/** Builds tensors and storages from an allow-list of names; `name` is what messages call the file. */
export function torchHost(name: string): PickleHost {
  const fail = (reason: string): CheckpointError => new CheckpointError(`Cannot read "${name}": ${reason}`);
  return {
    global: (module, member) => resolveGlobal(module, member, fail),
    call(callable, args, spend) {
      if (isOpaque(callable)) return callable;
      const called = isGlobal(callable) ? CALLS[callable.name] : undefined;
      if (called === undefined) throw fail("its pickle calls something that is no function");
      return called(args, fail, spend);
    },
    persistent: (id) => parseStorage(id, fail),
  };
}

type Fail = (reason: string) => CheckpointError;

function resolveGlobal(module: string, member: string, fail: Fail): Global | Opaque {
  const name = `${module}.${member}`;
  if (Object.hasOwn(CALLS, name) || Object.hasOwn(STORAGES, name)) return { kind: "global", name };
  if (OPAQUE.has(name) || (OPAQUE_MODULE.test(module) && /^\w+$/.test(member))) return { kind: "opaque" };
  throw fail(`its pickle names ${quote(name)}, which is not among what a checkpoint may name`);
}

function parseStorage(id: unknown, fail: Fail): Storage {
  const [tag, type, key, , elements, view] = Array.isArray(id) ? id : [];
  const dtype = isGlobal(type) ? STORAGES[type.name] : undefined;
  if (tag !== "storage" || dtype === undefined || typeof key !== "string" || !isCount(elements)) {
    throw fail("its pickle names data outside of it that is no storage of numbers");
  }
  if (view !== undefined && view !== null) {
    throw fail(
      `storage ${quote(key)} is a view of another, as only torch before 0.4 wrote them; save it with a later torch`,
    );
  }
  return { kind: "storage", key, dtype, elements };
}

/** Python 2 wrote the items of an ordered dictionary as an argument, Python 3 sets them afterwards. */
function buildDictionary([items = []]: readonly unknown[], fail: Fail, spend: Spend): Map<unknown, unknown> {
  if (!Array.isArray(items)) throw fail("its pickle builds a dictionary from something that is no list");
  spend(DICTIONARY_STEPS + items.length);
  return new Map(
    items.map((item: unknown): [unknown, unknown] => {
      if (Array.isArray(item) && item.length === 2) return [item[0], item[1]];
      throw fail("its pickle builds a dictionary from something that is no list of pairs");
    }),
  );
}

function rebuildTensor([storage, offset, shape, strides]: readonly unknown[], fail: Fail): TorchTensor {
  if (!isStorage(storage) || !isCount(offset) || !isCounts(shape) || !isCounts(strides)) {
    throw fail("its pickle builds a tensor from something else than a storage, an offset, sizes and strides");
  }
  const extent = shape.map((size, i) => (size - 1) * (strides[i] ?? Number.NaN)).reduce((sum, reach) => sum + reach, 1);
  const empty = shape.includes(0);
  if (shape.length !== strides.length || (!empty && !(offset + extent <= storage.elements))) {
    throw fail(
      `a tensor of sizes [${shape.join(", ")}], strides [${strides.join(", ")}] and offset ${offset} leaves ` +
        `storage ${quote(storage.key)} of ${storage.elements} elements`,
    );
  }
  return { kind: "tensor", storage, offset, shape, strides };
}

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= LIMITS.safetensors.dimensions.most && value.every(isCount);

const hasKind = (value: unknown, kind: string): boolean =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
const isGlobal = (value: unknown): value is Global => hasKind(value, "global");
const isOpaque = (value: unknown): value is Opaque => hasKind(value, "opaque");
const isStorage = (value: unknown): value is Storage => hasKind(value, "storage");
/** Whether a value out of a pickle is a tensor. */
export const isTensor = (value: unknown): value is TorchTensor => hasKind(value, "tensor");
