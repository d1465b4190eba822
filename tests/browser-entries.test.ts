import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { architecture, describeUNet } from "../src/plan.ts";
import { STAND_INS, standIns } from "./support/browser/stand-ins.ts";

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
    external: ["onnxruntime-web/*"],
    plugins: [standIns],
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

describe.each(["index-browser", "browser"])("src/%s.ts", (entry) => {
  test("reaches no module of Node, and loads ONNX Runtime Web when it is asked for", async () => {
    const { inputs, text } = await bundle(`export * from "./${entry}.ts"`);
    expect(inputs.filter((path) => /node_modules.onnxruntime|runtime.node/.test(path))).toEqual([]);
    expect(text).not.toMatch(/\brequire\(|from "node:/);
    const loaded = [...text.matchAll(/import\("([^"]+)"\)/g)].map(([, module]) => module).sort();
    expect(loaded).toEqual(
      entry === "browser" ? [] : ["onnxruntime-web/jspi", "onnxruntime-web/wasm", "onnxruntime-web/webgpu"],
    );
  });
});

test("what stands in for a module in browsers has the names that others ask of it", async () => {
  for (const [from, to] of STAND_INS) {
    const [own, other] = await Promise.all([from, to].map(async (path) => Object.keys(await import(path))));
    expect(
      own!.filter((name) => !other!.includes(name)),
      to,
    ).toEqual(from.includes("image/files") ? NODE_ALONE : []);
  }
});

/** What only the command line and `writeImage` use. */
const NODE_ALONE = ["readAll", "writeImage"];

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
