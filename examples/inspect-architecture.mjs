// A U-Net's config is enough to build its graph, to cut it and to count what each part costs.
import { readFile } from "node:fs/promises";
import { defaultModelFolder } from "deepcache";
import { countMacs, cut, unet, unetConfig } from "deepcache/graph";

const [folder = defaultModelFolder()] = process.argv.slice(2);
const config = unetConfig(JSON.parse(await readFile(`${folder}/unet/config.json`, "utf8")));
const [height, width] = config.sampleSize ?? [64, 64];
const network = unet(config, { batch: 1, height, width });

console.log(`${network.graph.nodes.length} nodes, ${countMacs(network.graph).total} MACs`);
for (const branch of network.skips.keys()) {
  const { head, trunk, tail, feature } = cut(network, branch);
  const [first, deep, last] = [head, trunk, tail].map((part) => countMacs(part).total);
  console.log(`branch ${branch}: head ${first}, trunk ${deep}, tail ${last} MACs; caches ${feature.shape.join("x")}`);
}
