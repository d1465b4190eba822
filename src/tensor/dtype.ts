/** Element types as safetensors names them, with their width and ONNX's `TensorProto.DataType`. */
export const DTYPES = {
  F64: { bytes: 8, onnxType: 11 },
  F32: { bytes: 4, onnxType: 1 },
  F16: { bytes: 2, onnxType: 10 },
  BF16: { bytes: 2, onnxType: 16 },
  F8_E4M3: { bytes: 1, onnxType: 17 },
  F8_E5M2: { bytes: 1, onnxType: 19 },
  I64: { bytes: 8, onnxType: 7 },
  I32: { bytes: 4, onnxType: 6 },
  I16: { bytes: 2, onnxType: 5 },
  I8: { bytes: 1, onnxType: 3 },
  U8: { bytes: 1, onnxType: 2 },
  BOOL: { bytes: 1, onnxType: 9 },
} as const satisfies Record<string, { bytes: number; onnxType: number }>;

export type Dtype = keyof typeof DTYPES;
