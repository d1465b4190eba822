import { z } from "@hono/zod-openapi";
import { readParametersText } from "../../image/codecs/read-parameters.ts";
import { parseParameters } from "../../image/parameters.ts";
import type { ServerContext } from "../context.ts";
import { readJson } from "../guard/body.ts";
import { decodeText } from "../pictures/decode.ts";
import { type App, addRoute, jsonBody, parsed } from "../route.ts";
import { addLists } from "./lists.ts";
import { makeImages } from "./make.ts";
import { runningRequests } from "./progress.ts";
import { img2img, txt2img } from "./schemas.ts";
import { settings } from "./settings.ts";

const tags = ["AUTOMATIC1111"];

const pngInfo = z.object({ image: z.string() }).openapi("PngInfoRequest");
const anySettings = z.looseObject({}).openapi("Settings");

/** Adds the routes of AUTOMATIC1111's web UI that clients call. */
export function addAutomatic1111(app: App, context: ServerContext): void {
  const requests = runningRequests(context);
  const current = settings();
  const making = { context, settings: current, requests };
  const { bodyBytes, picturePixels } = context.limits;
  addRoute(
    app,
    {
      ...{ method: "post", path: "/sdapi/v1/txt2img", tags, request: jsonBody(txt2img) },
      summary: "Images from a prompt",
      gives: "`images` as base64, `parameters` as asked, `info` as a text of JSON",
    },
    async (c) => await makeImages(c, parsed(txt2img, await readJson(c.req.raw, bodyBytes)), making),
  );
  addRoute(
    app,
    {
      ...{ method: "post", path: "/sdapi/v1/img2img", tags, request: jsonBody(img2img) },
      summary: "Images from a picture, or within one where there is a mask",
      gives: "As for txt2img",
    },
    async (c) => await makeImages(c, parsed(img2img, await readJson(c.req.raw, bodyBytes)), making),
  );
  addRoute(
    app,
    { method: "get", path: "/sdapi/v1/progress", tags, summary: "How far a request is", gives: "Progress from 0 to 1" },
    async (c) => {
      const withImage = c.req.query("skip_current_image") !== "true";
      return c.json(await requests.progress(c.get("owner"), withImage));
    },
  );
  for (const name of ["interrupt", "skip"] as const) {
    const summary =
      name === "skip" ? "Ends the batch that runs" : "Ends what runs; its request is answered with what there is";
    addRoute(app, { method: "post", path: `/sdapi/v1/${name}`, tags, summary, gives: "Nothing" }, async (c) => {
      await requests[name](c.get("owner"));
      return c.json({});
    });
  }
  addRoute(
    app,
    { method: "get", path: "/sdapi/v1/options", tags, summary: "Settings", gives: "Those that mean something here" },
    (c) => c.json(current.show(context.models.resolve(undefined))),
  );
  addRoute(
    app,
    {
      ...{ method: "post", path: "/sdapi/v1/options", tags, request: jsonBody(anySettings) },
      summary: "Changes settings, such as `sd_model_checkpoint`, until the server ends",
      gives: "Nothing",
    },
    async (c) => {
      const changes = await readJson(c.req.raw, bodyBytes);
      const model = changes["sd_model_checkpoint"];
      if (typeof model === "string" && model !== "") context.models.resolve(model);
      current.change(changes);
      return c.json(null);
    },
  );
  addRoute(
    app,
    {
      ...{ method: "post", path: "/sdapi/v1/png-info", tags, request: jsonBody(pngInfo) },
      summary: "How a picture says that it was made",
      gives: "`info` as text, `parameters` by name",
    },
    async (c) => {
      const { image } = parsed(pngInfo, await readJson(c.req.raw, bodyBytes));
      const { bytes } = await decodeText(image, { field: "image", mostPixels: picturePixels });
      const info = readParametersText(bytes) ?? "";
      const { prompt, negativePrompt, settings: found } = parseParameters(info);
      const named = info === "" ? {} : { Prompt: prompt, "Negative prompt": negativePrompt, ...found };
      return c.json({ info, items: info === "" ? {} : { parameters: info }, parameters: named });
    },
  );
  addLists(app, context);
}
