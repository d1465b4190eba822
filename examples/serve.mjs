// Mounts the embedded model in a server of your own: the same function fits Hono, Next.js, Bun.serve and Deno.serve.
import { serve } from "@hono/node-server";
import { defaultModelFolder } from "deepcache";
import { handler } from "deepcache/server";

const [port = "7860"] = process.argv.slice(2);
const answer = handler({ scenes: defaultModelFolder() }, { maxQueue: 16, limits: { pixels: 512 * 512 } });
await answer.ready;

const server = serve({ fetch: answer, port: Number(port), hostname: "127.0.0.1" }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}`);
});

process.once("SIGINT", async () => {
  server.close();
  await answer.close(AbortSignal.timeout(30_000)); // what runs may end
});
