import { type Graph, graphBuilder, type Value } from "../../src/onnx/graph.ts";
import { add, matmul } from "../../src/onnx/ops.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";

const SIZE = 512;

/** Matrix products one after the other: of the input, so that running takes long, or of constants, so that loading does. */
export function slowGraph(count: number, slow: "load" | "run" = "run"): Graph {
  const builder = graphBuilder("slow");
  const x = builder.input("x", "F32", [SIZE, SIZE]);
  const factor = builder.constant(new Float32Array(SIZE * SIZE).fill(1 / SIZE), [SIZE, SIZE]);
  let y: Value = slow === "load" ? factor : x;
  for (let i = 0; i < count; i++) y = matmul(y, factor);
  return builder.finish({ y: slow === "load" ? add(x, y) : y });
}

/** What the graph takes. */
export const slowInput: Tensor = tensor(new Float32Array(SIZE * SIZE).fill(1), [SIZE, SIZE]);
