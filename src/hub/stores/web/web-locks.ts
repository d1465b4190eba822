interface Locks {
  request(name: string, options: { readonly signal?: AbortSignal }, held: () => Promise<void>): Promise<void>;
}

/** Waits until no other page of this origin, and nobody else in this one, holds `name`; a page that goes gives it back. */
export async function webLock(name: string, signal?: AbortSignal): Promise<AsyncDisposable> {
  const { locks } = (globalThis as unknown as { readonly navigator: { readonly locks: Locks } }).navigator;
  let release = (): void => {};
  let over: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    over = locks.request(name, signal === undefined ? {} : { signal }, () => {
      resolve();
      return new Promise<void>((leave) => {
        release = leave;
      });
    });
    over.catch(reject);
  });
  return {
    async [Symbol.asyncDispose]() {
      release();
      await over.catch(() => {});
    },
  };
}
