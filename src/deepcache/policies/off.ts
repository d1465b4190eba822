import type { PolicyKind } from "../policy-kind.ts";
import { everyNth } from "./uniform.ts";

/** No cache. */
export const off: PolicyKind<Record<never, never>> = {
  says: "every evaluation is full, and the network is not cut",
  settings: {},
  full: (_, __, evaluations) => everyNth(1, evaluations),
};
