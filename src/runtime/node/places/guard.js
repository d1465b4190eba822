// How a thread says that it is inside ONNX Runtime, where it cannot be stopped: see busy-flags.ts.

/** Whether this thread is inside ONNX Runtime, and whether the process is about to end. */
const [BUSY, CLOSING] = [0, 1];

/**
 * `enter` is what all that enters ONNX Runtime goes through; nothing does any more when the process is about to end. `leave`
 * is for a thread that has loaded ONNX Runtime, and for one that fails.
 *
 * @param {Int32Array} flags
 */
export function threadGuard(flags) {
  const leave = () => {
    Atomics.store(flags, BUSY, 0);
    Atomics.notify(flags, BUSY);
  };
  /**
   * @template T
   * @param {() => Promise<T>} work
   */
  const enter = async (work) => {
    Atomics.store(flags, BUSY, 1);
    try {
      if (Atomics.load(flags, CLOSING) === 1) {
        leave();
        await new Promise(() => {}); // this thread is being ended
      }
      return await work();
    } finally {
      leave();
    }
  };
  return { enter, leave };
}
