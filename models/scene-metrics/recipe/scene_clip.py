"""The small CLIP: transformers' CLIPModel over the embedded model's vocabulary, and what its training adds."""
import os

import torch
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from scene_sets import SIZE

TOKENIZER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "fluent-scenes", "tokenizer")
TOKENS = 24  # of a text, start and end included
WIDTH, PROJECTION, PATCH = 128, 64, 8


def load_tokenizer():
    return CLIPTokenizer.from_pretrained(TOKENIZER, model_max_length=TOKENS)


def new_clip(vocabulary):
    shared = dict(hidden_size=WIDTH, intermediate_size=3 * WIDTH, num_attention_heads=4, hidden_act="quick_gelu")
    return CLIPModel(CLIPConfig(
        text_config=dict(shared, vocab_size=vocabulary, num_hidden_layers=2, max_position_embeddings=TOKENS,
                         bos_token_id=vocabulary - 2, eos_token_id=vocabulary - 1, pad_token_id=vocabulary - 1),
        vision_config=dict(shared, num_hidden_layers=4, image_size=SIZE, patch_size=PATCH),
        projection_dim=PROJECTION, logit_scale_init_value=2.6592))


def image_embeds(clip, x, kept, generator):
    """Unit vectors of images, looking at `kept` of their patches only: training on half of them takes half the time."""
    vision = clip.vision_model
    tokens = vision.embeddings(x)
    if kept < tokens.shape[1] - 1:
        order = torch.rand(len(x), tokens.shape[1] - 1, generator=generator).argsort(1)[:, :kept] + 1
        order = torch.cat([torch.zeros(len(x), 1, dtype=order.dtype), order], 1)
        tokens = tokens.gather(1, order[..., None].expand(-1, -1, tokens.shape[2]))
    states = vision.encoder(inputs_embeds=vision.pre_layrnorm(tokens)).last_hidden_state
    features = clip.visual_projection(vision.post_layernorm(states[:, 0])).float()
    return features / features.norm(dim=1, keepdim=True)


def text_embeds(clip, tokens):
    features = clip.text_projection(clip.text_model(input_ids=tokens).pooler_output).float()
    return features / features.norm(dim=1, keepdim=True)
