declare module "virtual:published" {
  /** The embedded model's published trade-off: time relative to the original's, and PSNR in dB. */
  export const PUBLISHED: readonly { readonly name: string; readonly share: number; readonly psnr: number }[];
}
