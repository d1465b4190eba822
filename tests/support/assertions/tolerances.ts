/** Absolute and relative error that a comparison allows: |actual - expected| <= atol + rtol * scale. */
export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
}

/** One network call: the reference's own float32 rounding is 2e-6 to 4e-6 (fixtures/README.md). */
export const NETWORK_CALL: Tolerance = { atol: 2e-5, rtol: 0 };
/** The stored output of the single-file U-Net is 3.7e-5 off the reference in float64, ours 2e-6. */
export const SINGLE_FILE_CALL: Tolerance = { atol: 5e-5, rtol: 0 };
/** Samplers against stored trajectories; relative to the largest sample (fixtures/README.md). */
export const TRAJECTORY: Tolerance = { atol: 0, rtol: 1e-5 };
/** Multistep samplers whose coefficients divide small differences (fixtures/README.md). */
export const MULTISTEP_TRAJECTORY: Tolerance = { atol: 0, rtol: 1e-4 };
/** A whole cached DDIM run; relative to the largest value (fixtures/README.md). */
export const DDIM_RUN: Tolerance = { atol: 0, rtol: 1e-4 };
/** A whole cached PNDM run; relative to the largest value (fixtures/README.md). */
export const PNDM_RUN: Tolerance = { atol: 0, rtol: 5e-4 };
/** Latents of a whole pipeline; relative to the largest value (fixtures/README.md). */
export const PIPELINE_LATENTS: Tolerance = { atol: 0, rtol: 2e-4 };
/** Final latents of a run that LoRA or a control network changes; relative to the largest value (fixtures/README.md). */
export const ADAPTED_LATENTS: Tolerance = { atol: 0, rtol: 5e-4 };
/** Normal deviates: the last bits of log and cos differ between vector libraries (fixtures/README.md). */
export const NORMAL_DEVIATE: Tolerance = { atol: 1e-6, rtol: 0 };
/** One layer on ONNX Runtime against a float64 loop nest. */
export const F32_LAYER: Tolerance = { atol: 1e-5, rtol: 1e-4 };
/** Noise levels of a schedule: the reference's square roots and logarithms are not rounded alike on all machines. */
export const NOISE_SCHEDULE: Tolerance = { atol: 1e-7, rtol: 1e-6 };
/** Fractional timesteps, interpolated between logarithms in float32. */
export const FRACTIONAL_TIMESTEP: Tolerance = { atol: 0, rtol: 1e-6 };
/** The same formula in another order of float64 operations, rounded to float32 once. */
export const SAME_FORMULA: Tolerance = { atol: 0, rtol: 1e-6 };
/** One network call on WebGPU: other summation orders, and SwiftShader's exponentials, good to 1e-5 or so. */
export const WEBGPU_CALL: Tolerance = { atol: 0, rtol: 1e-4 };
/** One network call with activations in float16, whose 11 bits are good to 5e-4 an operation. */
export const HALF_CALL: Tolerance = { atol: 0, rtol: 1e-2 };
/** One network call in OpenVINO, float32, against ONNX Runtime: other summation orders. */
export const OPENVINO_CALL: Tolerance = { atol: 0, rtol: 1e-4 };
/** One network call in bfloat16 against float32: 8 bits are good to 4e-3 an operation. */
export const BFLOAT16_CALL: Tolerance = { atol: 0, rtol: 1e-1 };
/** One network call in int8 against float32: steps are 4e-3 to 8e-3 of a layer's range; 3.3e-2 of the largest value measured at the worst element. So may two forms of one
 * graph in int8 differ, as a last bit can move a layer's zero point and with it all of its roundings. */
export const INT8_CALL: Tolerance = { atol: 0, rtol: 6e-2 };
/** Ninety layers with features of order 1; relative to the largest value. */
export const DEEP_NETWORK_CALL: Tolerance = { atol: 0, rtol: 1e-5 };
/** LPIPS of two images: means of thousands of float32 differences; measured 3e-8 off the package, of 0.2. */
export const PERCEPTUAL_DISTANCE: Tolerance = { atol: 1e-6, rtol: 1e-5 };
/** Peak memory against its estimate: allocators, the garbage collector and shared libraries are not followed in full. */
export const MEMORY_ESTIMATE = 0.15;
