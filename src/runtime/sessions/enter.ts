/** What all that enters ONNX Runtime goes through, in a thread that may be stopped. */
export type Enter = <T>(work: () => Promise<T>) => Promise<T>;
