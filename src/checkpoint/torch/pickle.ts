import { LIMITS } from "../../errors/limits.ts";
import { CheckpointError } from "../errors.ts";
import type { ByteReader } from "./byte-reader.ts";

const { steps: STEPS, integerBytes: INTEGER_BYTES } = LIMITS.torch;

/** What a pickle asks of whoever reads it. Values are null, booleans, numbers, bigints, strings, bytes, arrays, Maps, or what this returns. */
export interface PickleHost {
  /** What `module.name` stands for; throws where that is not allowed. */
  global(module: string, name: string): unknown;
  /** The result of calling `callable`, which was got from `global`; must take no longer than `spend` is told. */
  call(callable: unknown, args: readonly unknown[], spend: (steps: number) => void): unknown;
  /** The object outside of the pickle that `id` names. */
  persistent(id: unknown): unknown;
}

/**
 * Reads the pickle at the reader's position, and leaves the reader behind it. A pickle is a program for a small stack
 * machine; this one builds plain data and asks `host` for the rest, so nothing in the file can run code.
 */
export function readPickle(reader: ByteReader, name: string, host: PickleHost): unknown {
  const machine = new Machine(reader, name, host);
  while (!machine.stopped) machine.step();
  return machine.pop();
}

type Instruction = (machine: Machine) => void;

const MARK = Symbol("mark");

class Machine {
  #stopped = false;
  readonly reader: ByteReader;
  readonly host: PickleHost;
  readonly memo = new Map<number, unknown>();
  readonly #name: string;
  readonly #stack: unknown[] = [];
  #steps = 0;

  constructor(reader: ByteReader, name: string, host: PickleHost) {
    this.reader = reader;
    this.#name = name;
    this.host = host;
  }

  step(): void {
    this.spend(1);
    const opcode = this.reader.uint8();
    const instruction = INSTRUCTIONS.get(opcode);
    if (instruction === undefined) throw this.failure(`it has the unknown opcode 0x${opcode.toString(16)}`);
    instruction(this);
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
  }

  readonly spend = (steps: number): void => {
    this.#steps += steps;
    if (this.#steps > STEPS.most) throw this.failure(`it takes more than ${STEPS.most} steps`);
  };

  failure(reason: string): CheckpointError {
    return new CheckpointError(`Cannot read ${this.#name}: ${reason}`);
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop(): unknown {
    if (this.#stack.length === 0 || this.#stack.at(-1) === MARK) throw this.failure("its stack is empty");
    return this.#stack.pop();
  }

  top(): unknown {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  popToMark(): unknown[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw this.failure("its stack has no mark");
    const values = this.#stack.splice(mark + 1);
    this.#stack.pop();
    return values;
  }

  popArguments(): readonly unknown[] {
    const args = this.pop();
    if (!Array.isArray(args)) throw this.failure("it calls something without a list of arguments");
    return args;
  }

  appendAll(values: readonly unknown[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw this.failure("it appends to something that is no list");
    for (const value of values) list.push(value);
  }

  setAll(pairs: readonly unknown[]): void {
    const target = this.top();
    if (!(target instanceof Map) || pairs.length % 2 !== 0)
      throw this.failure("it sets items of something that has none");
    for (let i = 0; i < pairs.length; i += 2) target.set(pairs[i], pairs[i + 1]);
  }

  popMany(count: number): unknown[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  popText(): string {
    const text = this.pop();
    if (typeof text !== "string") throw this.failure("it names a global by something that is no text");
    return text;
  }

  recall(index: number): void {
    if (!this.memo.has(index)) throw this.failure(`it recalls value ${index}, which it has not stored`);
    this.push(this.memo.get(index));
  }

  /** A whole number in two's complement; a bigint only where a number would not be exact. */
  integer(length: number): number | bigint {
    if (length > INTEGER_BYTES.most) {
      throw this.failure(`it holds a whole number of ${length} bytes, at most ${INTEGER_BYTES.most} are read`);
    }
    this.spend(length);
    const digits = Array.from(this.reader.bytes(length), (byte) => byte.toString(16).padStart(2, "0")).reverse();
    const signed = BigInt.asIntN(8 * length, BigInt(`0x0${digits.join("")}`));
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
  }
}

const utf8 = new TextDecoder();

/** A piece at a time: as a list of characters, long text would take forty times its size. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}

/** Protocols 0 to 4 without what no version of torch.save writes: numbers and strings as lines, sets, extension codes. */
const INSTRUCTIONS: ReadonlyMap<number, Instruction> = new Map<number, Instruction>([
  [0x80, ({ reader }) => void reader.skip(1)], // PROTO
  [0x95, ({ reader }) => void reader.skip(8)], // FRAME
  [code("."), (machine) => machine.stop()],
  [code("("), (machine) => machine.push(MARK)],
  [code("0"), (machine) => void machine.pop()],
  [code("1"), (machine) => void machine.popToMark()],
  [code("2"), (machine) => machine.push(machine.top())],

  [code("N"), (machine) => machine.push(null)],
  [0x88, (machine) => machine.push(true)],
  [0x89, (machine) => machine.push(false)],
  [code("J"), (machine) => machine.push(machine.reader.int32())],
  [code("K"), (machine) => machine.push(machine.reader.uint8())],
  [code("M"), (machine) => machine.push(machine.reader.uint16())],
  [0x8a, (machine) => machine.push(machine.integer(machine.reader.uint8()))],
  [0x8b, (machine) => machine.push(machine.integer(machine.reader.uint32()))],
  [code("G"), (machine) => machine.push(machine.reader.float64BigEndian())],

  [code("U"), (machine) => machine.push(latin1(machine.reader.bytes(machine.reader.uint8())))], // Python 2 wrote its text so
  [code("T"), (machine) => machine.push(latin1(machine.reader.bytes(machine.reader.uint32())))],
  [code("X"), (machine) => machine.push(utf8.decode(machine.reader.bytes(machine.reader.uint32())))],
  [0x8c, (machine) => machine.push(utf8.decode(machine.reader.bytes(machine.reader.uint8())))],
  [0x8d, (machine) => machine.push(utf8.decode(machine.reader.bytes(machine.reader.uint64())))],
  [code("B"), (machine) => machine.push(machine.reader.bytes(machine.reader.uint32()))],
  [code("C"), (machine) => machine.push(machine.reader.bytes(machine.reader.uint8()))],
  [0x8e, (machine) => machine.push(machine.reader.bytes(machine.reader.uint64()))],

  [code("]"), (machine) => machine.push([])],
  [code("a"), (machine) => machine.appendAll(machine.popMany(1))],
  [code("e"), (machine) => machine.appendAll(machine.popToMark())],
  [code("l"), (machine) => machine.push(machine.popToMark())],
  [code(")"), (machine) => machine.push([])],
  [code("t"), (machine) => machine.push(machine.popToMark())],
  [0x85, (machine) => machine.push(machine.popMany(1))],
  [0x86, (machine) => machine.push(machine.popMany(2))],
  [0x87, (machine) => machine.push(machine.popMany(3))],
  [code("}"), emptyDictionary],
  [code("s"), (machine) => machine.setAll(machine.popMany(2))],
  [code("u"), (machine) => machine.setAll(machine.popToMark())],

  [code("h"), (machine) => machine.recall(machine.reader.uint8())],
  [code("j"), (machine) => machine.recall(machine.reader.uint32())],
  [code("q"), (machine) => void machine.memo.set(machine.reader.uint8(), machine.top())],
  [code("r"), (machine) => void machine.memo.set(machine.reader.uint32(), machine.top())],
  [0x94, (machine) => void machine.memo.set(machine.memo.size, machine.top())],

  [code("c"), (machine) => machine.push(machine.host.global(machine.reader.line(), machine.reader.line()))],
  [0x93, stackGlobal],
  [code("R"), call],
  [0x81, call], // NEWOBJ: calls a class
  [code("b"), (machine) => void machine.pop()], // BUILD: attributes of an object; the weights are never among them
  [code("Q"), (machine) => machine.push(machine.host.persistent(machine.pop()))],
]);

function code(character: string): number {
  return character.charCodeAt(0);
}

/** An empty dictionary takes as much memory as ten other values. */
export const DICTIONARY_STEPS = 10;

function emptyDictionary(machine: Machine): void {
  machine.spend(DICTIONARY_STEPS);
  machine.push(new Map());
}

function stackGlobal(machine: Machine): void {
  const name = machine.popText();
  machine.push(machine.host.global(machine.popText(), name));
}

function call(machine: Machine): void {
  const args = machine.popArguments();
  machine.push(machine.host.call(machine.pop(), args, machine.spend));
}
