import { fromBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema } from "./generated/onnx_pb.ts";

/** Parses an ONNX model by code that was generated from ONNX's schema. */
export const readModel = (bytes: Uint8Array): ModelProto => fromBinary(ModelProtoSchema, bytes);
