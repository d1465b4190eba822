/**
 * What `work` gives, or the reason of `signal` as soon as it is aborted. Work that has begun goes on; what comes of it then
 * goes to `drop`, and nobody hears of its errors.
 */
export async function abortable<T>(
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
  drop: (late: T) => void,
): Promise<T> {
  if (signal === undefined) return await work();
  signal.throwIfAborted();
  const done = work();
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([done, aborted]);
  } catch (error) {
    if (signal.aborted) done.then(drop, () => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
