import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener, serve } from "@hono/node-server";
import express from "express";
import { Hono } from "hono";
import { afterAll, describe, expect, test } from "vitest";
import { handler } from "../../src/server/handler.ts";
import { SCENES } from "./serving.ts";

const answer = handler(SCENES);
afterAll(() => answer[Symbol.asyncDispose]());

const listening = async (server: Server): Promise<string> => {
  if (!server.listening) await new Promise((resolve) => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** As frameworks mount it; each under a path of its own, beside what else they answer. */
const mounted: Readonly<Record<string, () => Promise<readonly [string, Server]>>> = {
  async Hono() {
    const app = new Hono().mount("/pictures", answer).get("/other", (context) => context.text("other"));
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
    return [await listening(server), server];
  },
  async Express() {
    const app = express();
    app.use("/pictures", getRequestListener(answer, { overrideGlobalObjects: false }));
    app.use(express.json());
    app.get("/other", (_, response) => void response.send("other"));
    const server = createServer(app).listen(0, "127.0.0.1");
    return [await listening(server), server];
  },
};

describe.each(Object.keys(mounted))("mounted in %s", (name) => {
  test("it answers under its path, with pictures, events and refusals, and leaves other paths alone", async () => {
    const [url, server] = (await mounted[name]?.()) ?? ["", undefined];
    const post = (path: string, body: object) =>
      fetch(`${url}/pictures${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    const made = await post("/v1/images/generations", { prompt: "a fox", steps: 1, seed: 1 });
    expect(((await made.json()) as { data: { b64_json: string }[] }).data[0]?.b64_json).toMatch(/^iVBORw0K/);
    const streamed = await post("/v1/images/generations", { prompt: "a fox", steps: 2, seed: 1, stream: true });
    expect(await streamed.text()).toMatch(/^event: image_generation\.completed$/m);
    expect((await post("/v1/images/generations", { prompt: "a fox", steps: -1 })).status).toBe(400);
    expect(await (await fetch(`${url}/other`)).text()).toBe("other");
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
  });
});

test("A route of Next.js, which is a function for each method, is the handler under several names", async () => {
  // app/[...path]/route.js: export { answer as GET, answer as POST, answer as DELETE }
  const { POST, GET } = { POST: answer, GET: answer };
  const body = JSON.stringify({ options: { prompt: "a fox", steps: 1 } });
  const taken = await POST(
    new Request("http://localhost:3000/jobs", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    }),
  );
  expect(taken.status).toBe(202);
  const { id } = (await taken.json()) as { id: string };
  const events = await GET(new Request(`http://localhost:3000/jobs/${id}/events`));
  expect(await events.text()).toContain("event: done");
});
