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

/** Lets everything run that waits for the event loop. */
export const pause = (): Promise<void> =>
  new Promise((resolve) => void (globalThis.setImmediate ?? setTimeout)(resolve));
