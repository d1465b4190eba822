/** Whether `deepcache serve` shows this page; the page has no engine of its own then. */
declare const __SERVED__: boolean;

/** The address of the hub that models are opened from by their ids. */
declare const __HUB__: string;

declare module "virtual:published" {
  /** The embedded model's published trade-off: time relative to the original's, and PSNR in dB. */
  export const PUBLISHED: readonly { readonly name: string; readonly share: number; readonly psnr: number }[];
}

declare module "virtual:models" {
  import type { ServedModel } from "./engine/model-store.ts";
  /** The models that lie beside the page. */
  export const BUNDLED: readonly ServedModel[];
}
