"""The language model that MARS starts from, with rows for the motion tokens."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, PreTrainedModel, PreTrainedTokenizerFast
from transformers import PreTrainedTokenizerBase as AnyTokenizer

from nonverbal.errors import UserError
from nonverbal.layouts import PARTS
from nonverbal.mars.encode import read_records
from nonverbal.mars.files import new_folder
from nonverbal.mars.hub import from_hub
from nonverbal.mars.interleave import MARKS, motion_token, without_motion
from nonverbal.mars.settings import Base, Tiny

log = logging.getLogger("nonverbal")
START, END, PAD = "<|start|>", "<|end|>", "<|pad|>"
CHAT_TEMPLATE = (
    f"{{% for message in messages %}}{START}{{{{ message.role }}}}\n{{{{ message.content }}}}{END}\n{{% endfor %}}"
    f"{{% if add_generation_prompt %}}{START}assistant\n{{% endif %}}"
)


def base(
    train: Path, model: Path, record: Path, settings: Base, face_codes: int, body_codes: int, turn_marks: bool,
    length: int, seed: int,
) -> None:  # fmt: skip
    """Make or fetch the model, give it motion tokens, and save it with its tokenizer.

    Args:
        train: records of the training split; the tiny model's tokenizer is trained on their words, on nothing else.
        model: folder to write (safetensors, tokenizer, chat template).
        record: JSON to write: name, revision, parameters, how the new rows were made.
        face_codes, body_codes: sizes of the codebooks.
        turn_marks: whether <SOT> and <EOT> are tokens too.
        length: longest sequence in tokens.
        seed: of the tiny model's weights.
    """
    codes = dict(zip(PARTS, (face_codes, body_codes), strict=True))
    tokenizer: AnyTokenizer
    if settings.name == "tiny":
        tokenizer = tiny_tokenizer(transcripts(train), settings.tiny.vocabulary)
        network = tiny_model(settings.tiny, tokenizer, length, seed)
    else:
        tokenizer = from_hub(AutoTokenizer.from_pretrained, settings.name, settings.revision, "mars.base.name")
        network = from_hub(AutoModelForCausalLM.from_pretrained, settings.name, settings.revision, "mars.base.name")
        _check_chat(settings.name, tokenizer)
    text_tokens = len(tokenizer)
    add_motion_tokens(network, tokenizer, codes, turn_marks)
    with new_folder(model) as folder:
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    facts = {
        "name": settings.name, "revision": settings.revision, "parameters": network.num_parameters(),
        "text_tokens": text_tokens, "face_tokens": face_codes, "body_tokens": body_codes,
        "new_rows": settings.new_rows, "tied_embeddings": bool(network.config.tie_word_embeddings), "seed": seed,
    }  # fmt: skip
    record.write_text(json.dumps(facts, indent=1) + "\n")
    log.info("base: %s, %.1f M parameters", settings.name, network.num_parameters() / 1e6)


def transcripts(path: Path) -> Iterator[str]:
    """The words of all messages, without motion tokens."""
    for record in read_records(path):
        yield from (without_motion(message["content"]) for message in record["messages"])


def tiny_tokenizer(texts: Iterator[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE, so that no word is unknown, with chat marks and a template of their own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[START, END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, chat_template=CHAT_TEMPLATE
    )


def tiny_model(settings: Tiny, tokenizer: AnyTokenizer, length: int, seed: int) -> PreTrainedModel:
    """A Llama with random weights, embeddings tied."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.width,
        intermediate_size=4 * settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        max_position_embeddings=length,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config)


def add_motion_tokens(model: PreTrainedModel, tokenizer: AnyTokenizer, codes: dict[str, int], turn_marks: bool) -> None:
    """Add <FACE_i> and <BODY_i>, and with `turn_marks` <SOT> and <EOT>.

    Their rows, in and out, start as the mean of the text tokens' rows.

    Some models have more rows than their tokenizer has tokens: those take no part in the mean, and none is removed.
    """
    text_tokens = len(tokenizer)
    names = [motion_token(part, code) for part in PARTS for code in range(codes[part])]
    names += MARKS if turn_marks else ()
    added = tokenizer.add_tokens([AddedToken(name, normalized=False, special=False) for name in names])
    if added != len(names):
        raise ValueError(f"the tokenizer knew {len(names) - added} of the motion tokens before they were added")
    model.resize_token_embeddings(max(text_tokens + added, model.config.vocab_size), mean_resizing=False)
    new = tokenizer.convert_tokens_to_ids(names)
    with torch.no_grad():
        for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
            rows = layer.get_parameter("weight")
            rows[new] = rows[:text_tokens].float().mean(dim=0).to(rows.dtype)


def _check_chat(name: str, tokenizer: AnyTokenizer) -> None:
    if not tokenizer.chat_template or tokenizer.eos_token is None:
        raise UserError(
            f"config key mars.base.name: {name} has no chat template; write an instruction-tuned model such as "
            "Qwen/Qwen2.5-1.5B-Instruct"
        )
    if tokenizer.pad_token is None:  # padding is masked everywhere, so any token will do
        tokenizer.pad_token = tokenizer.eos_token
