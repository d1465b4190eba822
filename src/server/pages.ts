/** A file that browsers are shown, as it is sent. */
export interface Page {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** As HTTP names it. */
  readonly type: string;
}

/** Files for browsers by their paths, such as `/` and `/assets/studio.js`. They are sent without a key. */
export type Pages = Readonly<Record<string, Page>>;
