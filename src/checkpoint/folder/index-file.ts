/** The file that says what a model in diffusers' layout is made of. */
export const MODEL_INDEX = "model_index.json";
