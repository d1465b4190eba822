/** Downloads the test's model in a process of its own: `pull-child.ts ENDPOINT FOLDER`. */
import { repository } from "../../src/hub/repo/repository.ts";
import { openHub } from "../../src/hub/stores/node/open-hub.ts";

const [endpoint = "", cacheFolder = ""] = process.argv.slice(2);
const hub = await openHub({ endpoint, cacheFolder, offline: false });
const remote = await repository({ kind: "repo", id: "org/model", revision: "main", path: undefined }, hub).remote();
await remote.download([...(await remote.files.list())].sort());
