import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { gemm, matmulTransposed } from "../../src/onnx/ops.ts";
import { withChangesBeside } from "../../src/runtime/changes.ts";

interface Layer {
  readonly inner: number;
  readonly outer: number;
  readonly positions: number;
}

/** Where a LoRA of `rank` is added in a graph of one layer. */
function placeOf({ inner, outer, positions }: Layer, rank: number): "beside" | "in the weight" {
  const builder = graphBuilder("layer");
  const weight = (...shape: number[]) => builder.weight(shape.join(), "F32", shape, undefined);
  const sum = gemm(weight(outer, rank), weight(rank, inner), weight(outer, inner), 0.5);
  const graph = builder.finish({ y: matmulTransposed(builder.input("x", "F32", [1, positions, inner]), sum) });
  const kinds = withChangesBeside(graph).nodes.map(({ op }) => op);
  return kinds.includes("Gemm") ? "in the weight" : "beside";
}

describe("a LoRA of rank 32 in Stable Diffusion 1.5 at 512×512", () => {
  test.each([
    [{ inner: 320, outer: 320, positions: 4096 }, "in the weight"],
    [{ inner: 1280, outer: 320, positions: 4096 }, "in the weight"],
    [{ inner: 640, outer: 640, positions: 1024 }, "in the weight"],
    [{ inner: 2560, outer: 640, positions: 1024 }, "beside"],
    [{ inner: 1280, outer: 10240, positions: 256 }, "beside"],
    [{ inner: 1280, outer: 320, positions: 1 }, "beside"],
  ] as const)("of %o is added %s", (layer, place) => {
    expect(placeOf(layer, 32)).toBe(place);
  });

  test("with two others is added to weights but of layers that are applied to little", () => {
    expect(placeOf({ inner: 1280, outer: 1280, positions: 256 }, 3 * 32)).toBe("beside");
    expect(placeOf({ inner: 2560, outer: 640, positions: 1024 }, 3 * 32)).toBe("in the weight");
    expect(placeOf({ inner: 1280, outer: 1280, positions: 1024 }, 3 * 32)).toBe("in the weight");
  });

  test("is computed alike whatever the size of the picture", () => {
    for (const positions of [256, 1024, 4096]) {
      expect(placeOf({ inner: 320, outer: 320, positions }, 32)).toBe("in the weight");
      expect(placeOf({ inner: 1280, outer: 1280, positions }, 32)).toBe("beside");
    }
  });
});
