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

async function end(program: string) {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", PRELUDE + program], {
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
