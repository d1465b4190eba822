// Runs a full-size model in a real browser and prints what it takes as JSON: npm run browser:full-size [webgpu].
import { measureFullSize } from "./measure-full-size.ts";

const measured = await measureFullSize(process.argv[2] === "webgpu" ? "webgpu" : "wasm");
const { latents, png, ...outcome } = measured.outcome;
console.log(JSON.stringify({ ...measured, outcome }, null, 2));
const { error, name } = outcome;
if (error !== undefined && name !== "AbortError") process.exitCode = 1;
