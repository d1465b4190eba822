import type { HubOptions } from "../../hub/hub-options.ts";
import { placeNamed } from "./place.ts";
import type { Places } from "./places.ts";

/** Places of one hub; the signal of a run comes before the hub's own. */
export const hubPlaces =
  (hub: HubOptions): Places =>
  async (text, options, signal) =>
    await placeNamed(text, { ...options, hub: signal === undefined ? hub : { ...hub, signal } });
