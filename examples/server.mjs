// Answers http://localhost:8080/?prompt=a+fox+on+a+teal+background with a PNG. Ctrl-C ends it.
import { createServer } from "node:http";
import { DeepCacheError, pipeline } from "deepcache";

const [port = "8080"] = process.argv.slice(2);
const pipe = await pipeline("text-to-image");

const server = createServer(async (request, response) => {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const prompt = new URL(request.url ?? "/", "http://localhost").searchParams.get("prompt") ?? "";
  try {
    const { image } = await pipe(prompt, { cache: 3, signal: gone.signal });
    response.setHeader("Content-Type", "image/png").end(image.png());
  } catch (error) {
    const isTheirs = error instanceof DeepCacheError && error.code === "OPTION_INVALID";
    response.writeHead(isTheirs ? 400 : 500).end(isTheirs ? error.message : "That did not work.");
  }
});
server.listen(Number(port), () => console.log(server.address()));

process.once("SIGINT", async () => {
  server.close();
  await pipe.dispose();
});
