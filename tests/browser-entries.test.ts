import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { architecture, describeUNet } from "../src/plan.ts";

const src = fileURLToPath(new URL("../src", import.meta.url));

/** Bundles `code`, which imports from src, for a browser; whatever it reaches must be there, Node's modules are not. */
async function bundle(code: string): Promise<{ readonly text: string; readonly inputs: readonly string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: src, loader: "ts" },
    bundle: true,
    write: false,
    metafile: true,
    treeShaking: false,
    platform: "browser",
    format: "iife",
    globalName: "bundle",
    logLevel: "silent",
  });
  return { text: outputFiles[0]?.text ?? "", inputs: Object.keys(metafile.inputs) };
}

describe.each(["plan", "graph", "samplers", "metrics-browser", "checkpoint-browser"])("src/%s.ts", (entry) => {
  test("reaches neither Node's modules nor ONNX Runtime, whatever of it is used", async () => {
    const { inputs, text } = await bundle(`export * from "./${entry}.ts"`);
    expect(inputs.length).toBeGreaterThan(5);
    expect(inputs.filter((path) => path.includes("onnxruntime"))).toEqual([]);
    expect(text).not.toMatch(/\b(require|import)\(/);
  });
});

test("a bundle of what reaches Node's modules is refused", async () => {
  await expect(bundle('export { readTensor } from "./checkpoint.ts"')).rejects.toThrow('Could not resolve "node:');
});

test("plans and costs need nothing but the language", async () => {
  const { text } = await bundle(`
    import { architecture, describeUNet, fullEvaluations } from "./plan.ts";
    const full = fullEvaluations({ kind: "uniform", interval: 3, branch: 0 }, 10);
    const { macs } = describeUNet(architecture("ddpm-cifar10").unet);
    export const result = JSON.stringify({ full, macs });
  `);
  const language = createContext({}); // neither process nor Buffer, neither require nor URL
  runInContext(text, language);
  expect(JSON.parse(runInContext("bundle.result", language))).toEqual({
    full: [0, 3, 6, 9],
    macs: describeUNet(architecture("ddpm-cifar10").unet).macs,
  });
});
