import { elementCount, type Tensor } from "../../tensor/tensor.ts";
import { type Fed, freshNumber, type Values } from "./messages.ts";
import type { Place } from "./place.ts";

/** A result: values that are here, or lie at one place or several. Sessions of the same place take it without a copy. */
export interface Lodged {
  readonly dims: readonly number[];
  /** What a session at `place` is fed; `moved` are the buffers that go there. */
  feed(place: Place): Located | Promise<Located>;
  /** The values here; where they lie is for a GPU's memory alone to know, `readBack` brings them from there. */
  read(readBack?: ReadBack): Promise<Values>;
  free(): void;
}

/** An input on its way. */
export interface Located {
  readonly fed: Fed;
  readonly moved?: ArrayBuffer;
}

/** Reads what JavaScript cannot reach at its place. */
export type ReadBack = (place: Place, tensor: number, dims: readonly number[]) => Promise<Values>;

/** Values as a message takes them: what is sent is a whole buffer, of which these may be a part. */
export function sendable({ data, dims }: Values): Values {
  return { data: data.byteLength === data.buffer.byteLength ? data : data.slice(), dims };
}

/** A result whose values are here, or that lies at `place` as `tensor`. */
export function lodged(
  dims: readonly number[],
  found: { readonly values: Values } | { readonly place: Place; readonly tensor: number },
): Lodged {
  const there = new Map<Place, number>();
  let here: Values | undefined;
  /** Whether somebody else has seen the values that are here, so that they cannot be given away. */
  let seen = false;
  let arriving: Promise<void> | undefined;
  let freed = false;
  const settle = (place: Place, tensor: number): void => {
    there.set(place, tensor);
    place.enter();
  };
  const leave = (place: Place): void => {
    there.delete(place);
    place.leave();
  };
  if ("values" in found) here = found.values;
  else settle(found.place, found.tensor);

  /** Brings the values here; they stay where they are if `copy`. */
  function fetch(copy: boolean, readBack?: ReadBack): Promise<void> {
    arriving ??= (async () => {
      const [at] = there;
      if (at === undefined) throw new Error("Cannot read a result: it has been freed");
      const [place, tensor] = at;
      const stays = copy || readBack !== undefined;
      const answer = readBack?.(place, tensor, dims) ?? place.ask({ kind: "read", tensor, copy }).then(valuesIn);
      if (!stays) leave(place); // whoever asks for it from now on comes too late there
      try {
        here = await answer;
      } finally {
        arriving = undefined;
      }
    })();
    return arriving;
  }

  function feed(place: Place): Located | Promise<Located> {
    const tensor = there.get(place);
    if (tensor !== undefined) return { fed: { held: tensor } };
    if (here === undefined) return (arriving ?? fetch(true)).then(() => feed(place));
    if (!place.away || freed) return { fed: { values: sendable(here) } };
    const values = sendable(here);
    const as = freshNumber();
    settle(place, as);
    if (seen) return { fed: { values, as } };
    here = undefined;
    return { fed: { values, as }, moved: values.data.buffer as ArrayBuffer };
  }

  return {
    dims,
    feed,
    async read(readBack) {
      while (here === undefined) await (arriving ?? fetch(false, readBack));
      seen = true;
      return here;
    },
    free() {
      freed = true;
      for (const [place, tensor] of [...there]) {
        place.free(tensor);
        leave(place);
      }
    },
  };
}

const valuesIn = ({ results }: { readonly results: Readonly<Record<string, Values>> }): Values => {
  const { value } = results;
  if (value === undefined) throw new Error("Cannot read a result: its place has sent no values");
  return value;
};

/** The values of a result of float32 numbers. */
export function asTensor({ data, dims }: Values): Tensor {
  if (!(data instanceof Float32Array))
    throw new TypeError(`Cannot read a result of ${elementCount(dims)} whole numbers`);
  return { data, shape: dims };
}
