import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { installPackage } from "../support/installed.ts";

const installed = installPackage();
afterAll(() => rmSync(installed, { recursive: true, force: true }));

const module = (name: string): string => JSON.stringify(pathToFileURL(join(installed, "dist", `${name}.js`)).href);

/** What programs have in common: graphs that take long to run or to load. */
const PRELUDE = `
  import { graphBuilder } from ${module("onnx/graph")};
  import { add, matmul } from ${module("onnx/ops")};
  import { nodeRuntime } from ${module("runtime/node/node")};
  const SIZE = 512;
  function slowGraph(slow) {
    const builder = graphBuilder("slow");
    const x = builder.input("x", "F32", [SIZE, SIZE]);
    const factor = builder.constant(new Float32Array(SIZE * SIZE).fill(1 / SIZE), [SIZE, SIZE]);
    let y = slow === "load" ? factor : x;
    for (let i = 0; i < 200; i++) y = matmul(y, factor);
    return builder.finish({ y: slow === "load" ? add(x, y) : y });
  }
  const x = { data: new Float32Array(SIZE * SIZE).fill(1), shape: [SIZE, SIZE] };
  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const runtime = nodeRuntime({ threads: 1 });
  const controller = new AbortController();
  const { signal } = controller;
  const tell = ({ name }) => console.log(name);
`;
const RUN = 'const session = await runtime.load(slowGraph("run")); const run = session.run({ x }, { signal });';
const LOAD = 'const session = runtime.load(slowGraph("load"), { signal });';

async function end(program: string, prelude = PRELUDE) {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", prelude + program], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  return { stdout, stderr, code, signal };
}

describe("a program", () => {
  test.each([
    ["ends of itself while a graph runs", `${RUN} await pause(50);`],
    ["ends of itself while a graph is loaded", `${LOAD} await pause(100);`],
    ["ends of itself with a graph loaded", `${RUN} await run;`],
    ["ends of itself after the graph was released", `${RUN} await run; await session[Symbol.asyncDispose]();`],
    ["ends as soon as it has asked for a graph", LOAD],
  ])("that %s ends well", async (_, program) => {
    expect(await end(program)).toEqual({ stdout: "", stderr: "", code: 0, signal: null });
  });

  test.each([
    ["while a graph runs", `${RUN} await pause(50);`],
    ["while a graph is loaded", `${LOAD} await pause(150);`],
    ["while a thread starts", `${LOAD} await pause(20);`],
    ["at once", LOAD],
    ["with a graph loaded", `${RUN} await run;`],
    ["after an abort", `${RUN} await pause(50); controller.abort(); await run.catch(() => {});`],
    ["while a graph is released that runs", `${RUN} session[Symbol.asyncDispose](); await pause(50);`],
  ])("that exits %s has the code that it asked for", async (_, program) => {
    expect(await end(`${program} process.exit(3);`)).toEqual({ stdout: "", stderr: "", code: 3, signal: null });
  });

  test.each([
    ["a run", `${RUN} await pause(50); controller.abort(); await run.catch(tell);`],
    ["loading", `${LOAD} await pause(100); controller.abort(); await session.catch(tell);`],
  ])("that aborts %s ends well", async (_, program) => {
    expect(await end(program)).toEqual({ stdout: "AbortError\n", stderr: "", code: 0, signal: null });
  });

  test("that releases a graph while it runs gets the result first", async () => {
    const program = `${RUN} await session[Symbol.asyncDispose](); console.log(Object.keys(await run).join());`;
    expect(await end(program)).toEqual({ stdout: "y\n", stderr: "", code: 0, signal: null });
  });

  test("that fails while a graph runs says why", async () => {
    const { stderr, code, signal } = await end(`${RUN} await pause(50); throw new RangeError("odd");`);
    expect({ code, signal }).toEqual({ code: 1, signal: null });
    expect(stderr).toContain("RangeError: odd");
  });
});

/** A model whose runs have a thread of their own, which is where ONNX Runtime is then. */
const WHOLE = `
  import { pipeline } from ${module("index")};
  const pipe = await pipeline("text-to-image");
  const controller = new AbortController();
  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const run = pipe("a fox", { seed: 1, steps: 200, signal: controller.signal });
  run.then(undefined, ({ name }) => console.log(name));
  const begun = new Promise((resolve) => void (async () => {
    for await (const { type } of run) if (type === "evaluation") resolve();
  })().catch(() => {}));
`;

describe("a program whose model runs as a whole in a thread", () => {
  test.each([
    ["before the thread has started", "process.exit(3);"],
    ["while it loads", "await pause(300); process.exit(3);"],
    ["in mid-run", "await Promise.race([begun, pause(5000)]); process.exit(3);"],
  ])("exits %s with the code that it asked for", async (_, program) => {
    const { code, signal, stderr } = await end(`${WHOLE}${program}`, "");
    expect({ code, signal, stderr }).toEqual({ code: 3, signal: null, stderr: "" });
  });

  test.each([
    ["is aborted", "await pause(500); controller.abort();", "AbortError\n"],
    ["is disposed of in mid-run", "await pause(500); await pipe.dispose();", "DeepCacheError\n"],
  ])("ends of itself after it %s", async (_, program, stdout) => {
    expect(await end(`${WHOLE}${program}`, "")).toEqual({ stdout, stderr: "", code: 0, signal: null });
  });

  test("ends of itself with the model loaded", async () => {
    const program = 'await pipe("a fox", { seed: 1, steps: 2 }); controller.abort();';
    expect(await end(`${WHOLE.replace("steps: 200", "steps: 2")}${program}`, "")).toEqual({
      ...{ stdout: "", stderr: "", code: 0, signal: null },
    });
  });
});
