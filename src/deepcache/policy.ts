/** When the deep part of the U-Net runs, as plain data: option, flags, PNG metadata and report all hold this. */
export type CachePolicy =
  | { readonly kind: "off" }
  | { readonly kind: "uniform"; readonly interval: number; readonly branch: number }
  | {
      readonly kind: "centered";
      readonly interval: number;
      readonly center: number;
      readonly power: number;
      readonly branch: number;
    }
  | { readonly kind: "steps"; readonly full: readonly number[]; readonly branch: number };
