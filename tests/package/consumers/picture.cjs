const { pipeline } = require("deepcache");
const { fullEvaluations } = require("deepcache/plan");

async function main() {
  if (fullEvaluations({ kind: "uniform", interval: 2, branch: 0 }, 4).join() !== "0,2") throw new Error("Cannot plan");
  const pipe = await pipeline("text-to-image");
  const { image } = await pipe("a fox on a teal background", { seed: 1, steps: 4, cache: 2 });
  await image.save(process.argv[2]);
  await pipe.dispose();
}

void main();
