/** What comes from elsewhere, kept until somebody asks for it. */
export interface Inbox<Item> extends AsyncIterable<Item> {
  put(item: Item): void;
  /** Nothing follows; a reader is told `error` after what has come. */
  close(error?: unknown): void;
  /** What has come is dropped, and a reader is told `error` at once. */
  fail(error: unknown): void;
}

/** An inbox for one reader. */
export function inbox<Item>(): Inbox<Item> {
  const items: Item[] = [];
  let closed: { readonly error?: unknown } | undefined;
  let wake = (): void => {};
  return {
    put(item) {
      if (closed === undefined) items.push(item);
      wake();
    },
    close(error) {
      closed ??= { error };
      wake();
    },
    fail(error) {
      items.length = 0;
      closed = { error };
      wake();
    },
    async *[Symbol.asyncIterator]() {
      while (true) {
        const item = items.shift();
        if (item !== undefined) yield item;
        else if (closed !== undefined) break;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
      if (closed.error !== undefined) throw closed.error;
    },
  };
}
