import { type Tensor, tensor } from "../tensor/tensor.ts";
import { decodeElements } from "./bytes/decode-elements.ts";
import type { Weight } from "./weights.ts";

/** Reads one tensor from its file as float32; meant for a few small ones, a network's weights stay in their file. */
export async function readTensor({ dtype, shape, span }: Weight): Promise<Tensor> {
  return tensor(decodeElements(await span.source.read(span.offset, span.length), dtype), shape);
}
