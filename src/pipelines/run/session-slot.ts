/** Holds what was loaded last; asking for the same key again gives it back, another key releases it first. */
export interface SessionSlot<T extends AsyncDisposable> extends AsyncDisposable {
  get(key: string, load: () => Promise<T>): Promise<T>;
}

/** An empty slot. A model's weights fill memory, so one set of sessions per network is kept. */
export function sessionSlot<T extends AsyncDisposable>(): SessionSlot<T> {
  let held: { readonly key: string; readonly value: T } | undefined;
  const release = async (): Promise<void> => {
    const leaving = held;
    held = undefined;
    await leaving?.value[Symbol.asyncDispose]();
  };
  return {
    async get(key, load) {
      if (held?.key === key) return held.value;
      await release();
      const value = await load();
      held = { key, value };
      return value;
    },
    [Symbol.asyncDispose]: release,
  };
}
