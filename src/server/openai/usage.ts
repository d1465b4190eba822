/** Nothing is counted in tokens here; clients read the fields all the same. */
export const USAGE = {
  input_tokens: 0,
  output_tokens: 0,
  total_tokens: 0,
  input_tokens_details: { image_tokens: 0, text_tokens: 0 },
} as const;
