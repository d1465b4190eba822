import type { HiresRequest, JobRequest } from "./job.ts";

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isHires = (value: unknown): value is HiresRequest =>
  isFields(value) &&
  Number.isFinite(value["width"]) &&
  Number.isFinite(value["height"]) &&
  typeof value["upscaler"] === "string" &&
  isFields(value["options"]);

/** Whether what another process has left is a request for a job. */
export function isJobRequest(value: unknown): value is JobRequest {
  if (!isFields(value)) return false;
  const { model, owner, options, variants, preferences, hires, priority } = value;
  return (
    typeof model === "string" &&
    typeof owner === "string" &&
    isFields(options) &&
    (variants === undefined || (Array.isArray(variants) && variants.every(isFields))) &&
    (preferences === undefined || isFields(preferences)) &&
    (hires === undefined || isHires(hires)) &&
    (priority === undefined || Number.isFinite(priority))
  );
}
