/** Work that can stop where it yields, and go on later. */
export type Turns<T> = Generator<void, T>;

/** Milliseconds that work goes on before others get their turn. */
const TURN = 8;

/** Does all of it at once. */
export function atOnce<T>(turns: Turns<T>): T {
  for (;;) {
    const turn = turns.next();
    if (turn.done) return turn.value;
  }
}

/** Does it with pauses, so that the event loop never waits for long. */
export async function inTurns<T>(turns: Turns<T>): Promise<T> {
  let begin = performance.now();
  for (;;) {
    const turn = turns.next();
    if (turn.done) return turn.value;
    if (performance.now() - begin < TURN) continue;
    await pause();
    begin = performance.now();
  }
}

/**
 * Lets everything run that waits for the event loop, timers too: Node runs what is set for "immediately" straight after
 * the callback of a file or a message, before any timer, and only then the next one.
 */
export async function pause(): Promise<void> {
  if (globalThis.setImmediate === undefined) return new Promise((resolve) => void setTimeout(resolve));
  await immediate();
  await immediate();
}

const immediate = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
