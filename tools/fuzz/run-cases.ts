import { makeCase, type ReaderName } from "./cases.ts";
import { faultOf } from "./judge.ts";
import { READERS } from "./readers.ts";

/** A case, told again by its seed, reader and number. */
export interface CaseName {
  readonly seed: number;
  readonly reader: ReaderName;
  readonly number: number;
}

/** Gives a reader the file of a case; says what is wrong with what it did, if something is. */
export async function runCase({ seed, reader, number }: CaseName): Promise<string | undefined> {
  const bytes = new Uint8Array(makeCase(seed, reader, number));
  try {
    await READERS[reader](bytes);
    return undefined;
  } catch (error) {
    return faultOf(reader, error);
  }
}
