"""Writes tests/fixtures/tokenizer/added-tokens.json: the ids that transformers' CLIPTokenizer gives where a model's files add
tokens, for the vocabulary of tests/fixtures/pipelines/sd15/model.

    pip install transformers==5.24 && python tools/reference/added_tokens.py
"""
import json
import pathlib
import shutil
import tempfile

import transformers
from transformers import CLIPTokenizer

root = pathlib.Path(__file__).parents[2] / "tests/fixtures"
vocabulary = root / "pipelines/sd15/model/tokenizer"
TEXTS = ["cat<new1> dog", "a <new1>  <NEW2> cat", "A red Car <|endoftext|> b", "<new2><new1>", "new1 <sks>s"]


def added(content: str, **flags: bool) -> dict:
    return {"content": content, "special": False, "lstrip": False, "rstrip": False, "single_word": False, "normalized": True} | flags


size = len(json.loads((vocabulary / "vocab.json").read_text()))
FIRST, SECOND = str(size), str(size + 1)
CASES = {
    "added_tokens.json": {"added_tokens.json": {"<new1>": size, "<NEW2>": size + 1}},
    "added_tokens.json out of order": {"added_tokens.json": {"<NEW2>": size + 1, "<new1>": size}},
    "added_tokens.json with a token of the vocabulary": {"added_tokens.json": {"<|endoftext|>": size - 1, "<new1>": size}},
    "added_tokens_decoder": {"config": {"added_tokens_decoder": {FIRST: added("<new1>"), SECOND: added("<NEW2>")}}},
    "added_tokens_decoder of special tokens": {
        "config": {"added_tokens_decoder": {FIRST: added("<new1>", special=True, normalized=False), SECOND: added("<NEW2>", special=True, normalized=False)}}
    },
    "added_tokens_decoder with gaps": {"config": {"added_tokens_decoder": {str(size + 5): added("<new1>"), str(size + 9): added("<NEW2>")}}},
    "added_tokens_decoder that takes blanks": {"config": {"added_tokens_decoder": {FIRST: added("<new1>", lstrip=True, rstrip=True)}}},
    "added_tokens_decoder and added_tokens.json": {
        "config": {"added_tokens_decoder": {FIRST: added("<new1>")}},
        "added_tokens.json": {"<NEW2>": size},
    },
    "additional_special_tokens": {"config": {"additional_special_tokens": ["<new1>", "<NEW2>"]}},
    "extra_special_tokens": {"config": {"extra_special_tokens": ["<new1>"]}},
    "additional_special_tokens beside added_tokens.json": {
        "config": {"additional_special_tokens": ["<NEW2>"]},
        "added_tokens.json": {"<new1>": size},
    },
    "a word as a token": {"added_tokens.json": {"sks": size}},
}
results = []
for name, case in CASES.items():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / "tokenizer"
        shutil.copytree(vocabulary, folder)
        path = folder / "tokenizer_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | case.get("config", {})))
        if "added_tokens.json" in case:
            (folder / "added_tokens.json").write_text(json.dumps(case["added_tokens.json"]))
        tokenizer = CLIPTokenizer.from_pretrained(folder)
        ids = [tokenizer(text).input_ids for text in TEXTS]
    results.append({"name": name, "config": case.get("config", {}), "addedTokens": case.get("added_tokens.json"), "ids": ids})
stored = {"transformers": transformers.__version__, "texts": TEXTS, "cases": results}
(root / "tokenizer/added-tokens.json").write_text(json.dumps(stored, indent=1) + "\n")
