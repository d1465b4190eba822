// Tells errors apart by their code, and asks what a run would take before it begins.
import { DeepCacheError, pipeline } from "deepcache";

const [model] = process.argv.slice(2);
try {
  const pipe = await pipeline("text-to-image", model, { threads: 2, memory: "low", queue: { busy: "reject" } });
  const request = { prompt: "a fox", width: 512, height: 512, steps: 2 };
  const { peak } = await pipe.estimateMemory(request);
  if (peak > process.availableMemory()) console.log("That may be too large for this machine.");
  await pipe.generate({ ...request, width: 501 });
} catch (error) {
  if (!(error instanceof DeepCacheError)) throw error; // an AbortError, or a fault in this program
  switch (error.code) {
    case "MODEL_NOT_FOUND":
      console.log(`There is no ${model}.`);
      break;
    default:
      console.log(`${error.code}: ${error.message}`);
  }
}
