// Sessions of ONNX Runtime and the results that lie beside them, on whichever thread this runs; messages.ts says what may
// be asked. In JavaScript, since Node takes no other language for a thread where the sources run without being built.

/** @import { InferenceSession, Tensor } from "onnxruntime-common" */
/** @import { OnnxRuntimeModule } from "./calling-thread.ts" */
/** @import { Answer, Fed, Question, Values } from "./messages.ts" */

/** Bytes below which memory may wait until it is collected. */
const WORTH_FREEING = 2 ** 18;

/**
 * Answers questions one after the other, in the order in which they are asked. Values that come in messages are `owned`
 * where nobody else has them: their memory goes as soon as they are of no use, not when it is collected. `quiet` silences
 * ONNX Runtime outside of sessions, such as about CUDA's libraries that are not there. All that enters ONNX Runtime goes
 * through `enter`.
 *
 * @param {OnnxRuntimeModule} runtime
 * @param {{ readonly owned: boolean, readonly quiet: boolean, readonly enter?: <T>(work: () => Promise<T>) => Promise<T> }} options
 * @returns {(question: Question) => Promise<Answer>}
 */
export function sessionHost({ InferenceSession, Tensor, env }, { owned, quiet, enter = (work) => work() }) {
  if (quiet) env.logLevel = "fatal";
  /** @type {Map<number, InferenceSession>} */
  const sessions = new Map();
  /** @type {Map<number, Tensor>} */
  const held = new Map();

  // Whoever asks keeps account of what is released and freed, so that what is not here has gone with a thread that failed.
  /** @param {number} number */
  const sessionOf = (number) => {
    const session = sessions.get(number);
    if (session === undefined) throw new Error("Cannot run a network: the thread that it was in has ended");
    return session;
  };
  /** @param {number} number */
  const tensorOf = (number) => {
    const tensor = held.get(number);
    if (tensor === undefined) throw new Error("Cannot use a result: the thread that it was in has ended");
    return tensor;
  };
  /** @param {Values} values */
  const tensorFrom = ({ data, dims }) => /** @type {Tensor} */ (new Tensor(data, dims));
  /** @param {readonly Tensor[]} tensors */
  const drop = (tensors) => {
    // What lies on a device has no data, and throws where it is asked for.
    const buffers = buffersOf(tensors.flatMap((tensor) => (tensor.location === "cpu" ? [tensor.data] : [])));
    for (const tensor of tensors) tensor.dispose();
    const large = buffers.filter(({ byteLength }) => byteLength >= WORTH_FREEING);
    if (owned && large.length > 0) structuredClone(undefined, { transfer: large });
  };

  /** @param {Question} question */
  const work = async (question) => {
    /** @type {Record<string, Values>} */
    const results = {};
    switch (question.kind) {
      case "open":
        sessions.set(
          question.session,
          await InferenceSession.create(
            question.model,
            /** @type {InferenceSession.SessionOptions} */ (question.options),
          ),
        );
        return { results };
      case "run": {
        /** @type {Record<string, Tensor>} */
        const feeds = {};
        /** @type {Tensor[]} */
        const passing = [];
        for (const [name, fed] of Object.entries(question.feeds)) {
          const tensor = "held" in fed ? tensorOf(fed.held) : tensorFrom(fed.values);
          feeds[name] = tensor;
          if ("held" in fed) continue;
          if (fed.as === undefined) passing.push(tensor);
          else held.set(fed.as, tensor);
        }
        const outputs = await sessionOf(question.session).run(feeds);
        if (owned) drop(passing);
        for (const [name, tensor] of Object.entries(outputs)) {
          const number = question.keep[name];
          if (number === undefined) results[name] = valuesOf(tensor);
          else held.set(number, tensor);
        }
        return { results };
      }
      case "read": {
        const tensor = tensorOf(question.tensor);
        if (!question.copy) held.delete(question.tensor);
        results["value"] = tensor.location === "cpu" ? valuesOf(tensor) : await valuesFrom(tensor, question.copy);
        return { results };
      }
      case "release": {
        const session = sessions.get(question.session);
        sessions.delete(question.session);
        await session?.release();
        return { results };
      }
      case "free": {
        const tensors = question.tensors.flatMap((number) => held.get(number) ?? []);
        for (const number of question.tensors) held.delete(number);
        drop(tensors);
        return { results };
      }
      case "count":
        return { results, counts: { sessions: sessions.size, tensors: held.size } };
    }
  };

  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  return (question) => {
    const answer = last.then(() => enter(() => work(question)));
    last = answer.catch(() => {});
    return answer;
  };
}

/**
 * @param {Tensor} tensor
 * @returns {Values}
 */
function valuesOf({ data, dims }) {
  return { data: /** @type {Values["data"]} */ (data), dims };
}

/**
 * Values from a device's memory, which are freed there unless they stay.
 *
 * @param {Tensor} tensor
 * @param {boolean} stay
 * @returns {Promise<Values>}
 */
async function valuesFrom(tensor, stay) {
  return { data: /** @type {Values["data"]} */ (await tensor.getData(!stay)), dims: tensor.dims };
}

/**
 * The buffers of what may be the same under two names.
 *
 * @param {readonly Tensor["data"][]} values
 * @returns {ArrayBuffer[]}
 */
export function buffersOf(values) {
  return [...new Set(values.map((data) => /** @type {ArrayBuffer} */ (/** @type {ArrayBufferView} */ (data).buffer)))];
}
