import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { VERSION } from "../../src/pipelines/version.ts";
import { fixturePath } from "../support/fixtures.ts";
import { installPackage, mainOf } from "../support/installed.ts";

const installed = installPackage();
afterAll(() => rmSync(installed, { recursive: true, force: true }));

/** Says "listening" on stderr as soon as an interrupt would be noticed. */
const TELL = 'process.on("newListener", (name) => name === "SIGINT" && process.stderr.write("listening\\n"));';

function start(...args: string[]): Started {
  return startWith({}, ...args);
}

type Started = ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream };

function startWith(env: NodeJS.ProcessEnv, ...args: string[]): Started {
  const main = mainOf(installed);
  const preload = `data:text/javascript,${encodeURIComponent(TELL)}`;
  return spawn(process.execPath, ["--import", preload, main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
}

async function end(child: ReturnType<typeof start>) {
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { stdout, stderr: stderr.replace("listening\n", ""), code };
}

describe("the process", () => {
  test.runIf(process.platform === "linux" && process.arch === "x64")(
    "says in one sentence what WebGPU takes where there is no Vulkan driver",
    async () => {
      const args = ["generate", "a fox", "--steps", "1", "--device", "webgpu", "--output", join(installed, "none.png")];
      const { stdout, stderr, code } = await end(startWith({ VK_DRIVER_FILES: join(installed, "none.json") }, ...args));
      expect({ stdout, code }).toEqual({ stdout: "", code: 1 });
      // Lines before it are those of the Vulkan loader.
      expect(stderr.trimEnd().split("\n").at(-1)).toBe(
        'deepcache: Cannot run on device "webgpu": ONNX Runtime cannot use it on this machine, it takes a GPU with a driver ' +
          "for Vulkan and libvulkan.so.1 (Linux), Direct3D 12 (Windows) or Metal (macOS)",
      );
    },
  );

  test("ends although a network in threads of its own is still loaded", async () => {
    const module = (name: string): string => JSON.stringify(pathToFileURL(join(installed, "dist", `${name}.js`)).href);
    const program = `
      import { nodeRuntimeInPieces } from ${module("runtime/node/node")};
      import { openComponent } from ${module("checkpoint/folder/component")};
      import { unet } from ${module("models/unet/unet")};
      import { unetConfig } from ${module("models/unet/unet-config")};
      const { config, weights } = await openComponent(${JSON.stringify(fixturePath("models/unet-fp16"))});
      const { graph } = unet(unetConfig(config), { batch: 1, height: 16, width: 16, contextLength: 5 }, weights);
      const session = await nodeRuntimeInPieces({}, 24000).load(graph);
      const feed = ({ shape }) => ({ data: new Float32Array(shape.reduce((a, b) => a * b, 1)), shape });
      const feeds = Object.fromEntries([...graph.inputs].map(([name, value]) => [name, feed(value)]));
      const { prediction } = await session.run(feeds);
      console.log(prediction.shape.join());
    `;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(await end(child)).toEqual({ stdout: "1,4,16,16\n", stderr: "", code: 0 });
  });

  test("leaves nothing but its picture: no device id and no events of ONNX Runtime's", async () => {
    const [cache, picture] = [join(installed, "empty-cache"), join(installed, "alone.png")];
    mkdirSync(cache);
    const own = { XDG_CACHE_HOME: cache, HOME: cache };
    const { code } = await end(startWith(own, "generate", "a fox", "--steps", "1", "--output", picture));
    expect(code).toBe(0);
    expect(readdirSync(cache)).toEqual([]);
  });

  test("tells its version", async () => {
    expect(await end(start("--version"))).toEqual({ stdout: `${VERSION}\n`, stderr: "", code: 0 });
  });

  test("exits with 2 at a misuse and with 1 at a failure, saying so in one sentence", async () => {
    const misuse = await end(start("generate", "a", "--steps", "0"));
    expect(misuse).toMatchObject({ stdout: "", code: 2 });
    const failure = await end(start("generate", "a", "--model", join(installed, "nowhere")));
    expect(failure).toMatchObject({ stdout: "", code: 1 });
    for (const { stderr } of [misuse, failure]) expect(stderr).toMatch(/^deepcache: Cannot .*\n$/);
  });

  test.each([
    ["generate", "opens the model", 0],
    ["generate", "denoises", 1500],
    ["compare", "denoises", 1500],
  ])("%s exits with 130 where it is interrupted while it %s, and leaves no file", async (command, when, wait) => {
    const folder = join(installed, `${command}-${when.replaceAll(" ", "-")}`);
    mkdirSync(folder);
    const child = start(
      ...[command, "a", "--model", fixturePath("pipelines/sd15/model"), "--sampler", "ddim", "--steps", "900"],
      ...["--count", "16", "--interval", "2", "--output", join(folder, "out.png")],
    );
    const ended = end(child);
    await once(child.stderr, "data");
    await setTimeout(wait);
    expect(child.exitCode).toBeNull();
    child.kill("SIGINT");
    expect(await ended).toEqual({ stdout: "", stderr: "", code: 130 });
    expect(readdirSync(folder)).toEqual([]);
  });
});
