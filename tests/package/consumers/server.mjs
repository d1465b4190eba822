// Asks a server for a picture as OpenAI's clients do, without a network between.
import { defaultModelFolder } from "deepcache";
import { handler } from "deepcache/server";

const answer = handler({ scenes: defaultModelFolder() });
const response = await answer(
  new Request("http://localhost/v1/images/generations", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: "a fox", steps: 2, seed: 1 }),
  }),
);
const { data } = await response.json();
process.stdout.write(`${response.status} ${data[0].b64_json.slice(0, 8)}\n`);
await answer.close();
