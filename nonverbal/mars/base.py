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
from nonverbal.mars.interleave import MARKS, NOT_WORDS, motion_token, without_motion
from nonverbal.mars.saved import check_rows
from nonverbal.mars.settings import Base, Tiny
from nonverbal.models import Repository, fetched, registry
from nonverbal.tokenizers.model import load_model

log = logging.getLogger("nonverbal")
KEY = "mars.base.name"
START, END, PAD = "<|start|>", "<|end|>", "<|pad|>"
CHAT_TEMPLATE = (
    f"{{% for message in messages %}}{START}{{{{ message.role }}}}\n{{{{ message.content }}}}{END}\n{{% endfor %}}"
    f"{{% if add_generation_prompt %}}{START}assistant\n{{% endif %}}"
)


def base(
    train: Path, models: list[Path], codebooks: list[Path], model: Path, record: Path, settings: Base,
    face_codes: int, body_codes: int, turn_marks: bool, length: int, seed: int,
) -> None:  # fmt: skip
    """Make or read the model, give it motion tokens, and save it with its tokenizer.

    Args:
        train: records of the training split; the tiny model's tokenizer is trained on their words, on nothing else.
        models: the model that was fetched, where one was.
        codebooks: trained tokenizers of face and body, where the new rows come from them.
        model: folder to write (safetensors, tokenizer, chat template).
        record: JSON to write: name, revision, parameters, how the new rows were made.
        face_codes, body_codes: sizes of the codebooks.
        turn_marks: whether <SOT> and <EOT> are tokens too.
        length: longest sequence in tokens.
        seed: of the tiny model's weights and of the codebooks' projections.
    """
    codes = dict(zip(PARTS, (face_codes, body_codes), strict=True))
    tokenizer: AnyTokenizer
    if settings.name == "tiny":
        tokenizer = tiny_tokenizer(transcripts(train), settings.tiny.vocabulary)
        network = tiny_model(settings.tiny, tokenizer, length, seed)
    else:
        folder = str(fetched(models).get(settings.name, settings.name))
        tokenizer = from_hub(AutoTokenizer.from_pretrained, folder, "", KEY)
        network = from_hub(AutoModelForCausalLM.from_pretrained, folder, "", KEY)
        _check_model(settings.name, tokenizer, network, length)
    text_tokens = len(tokenizer)
    new = add_motion_tokens(network, tokenizer, codes, turn_marks, settings.name)
    vectors = {part: codebook(path, part, codes[part]) for part, path in zip(PARTS, codebooks, strict=bool(codebooks))}
    if new:
        start_new_rows(network, text_tokens, new, vectors, seed)
    with new_folder(model) as folder_made:
        network.save_pretrained(folder_made)
        tokenizer.save_pretrained(folder_made)
    row = registry().get(settings.name)
    facts = {
        "name": settings.name, "revision": row.revision if isinstance(row, Repository) else "",
        "licence": row.licence if row else "", "parameters": network.num_parameters(),
        "text_tokens": text_tokens, "face_tokens": face_codes, "body_tokens": body_codes, "turn_marks": turn_marks,
        "new_rows": settings.new_rows if new else "kept",
        "tied_embeddings": bool(network.config.tie_word_embeddings), "seed": seed,
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


def add_motion_tokens(
    model: PreTrainedModel, tokenizer: AnyTokenizer, codes: dict[str, int], turn_marks: bool, name: str
) -> list[int]:
    """Add <FACE_i> and <BODY_i>, and with `turn_marks` <SOT> and <EOT>, and rows for them; returns the new ids.

    Some models have more rows than their tokenizer has tokens: those are used first, and none is removed. A model that
    has exactly these tokens already, a trained MARS, gets none and keeps its rows.

    Raises:
        UserError: the model has other motion tokens.
    """
    names = [motion_token(part, code) for part in PARTS for code in range(codes[part])]
    names += MARKS if turn_marks else ()
    known = {token for token in tokenizer.get_added_vocab() if NOT_WORDS.fullmatch(token)}
    if known == set(names):
        return []
    if known:
        raise UserError(
            f"config key {KEY}: {name} has {len(known)} motion tokens and turn marks of its own, but the codebooks and "
            f"mars.sequences.turn_marks ask for {len(names)} others; write a model without them, or their settings"
        )
    tokenizer.add_tokens([AddedToken(token, normalized=False, special=False) for token in names])
    model.resize_token_embeddings(max(len(tokenizer), model.config.vocab_size), mean_resizing=False)
    ids = tokenizer.convert_tokens_to_ids(names)
    return [ids] if isinstance(ids, int) else ids


@torch.no_grad()
def start_new_rows(
    model: PreTrainedModel, text_tokens: int, new: list[int], vectors: dict[str, torch.Tensor], seed: int
) -> None:
    """Write the new tokens' rows, in and out: the mean of the text tokens', and with codebooks their vectors about it.

    Equal rows make equal chances: with the mean alone, an untrained model finds all codes of a kind equally likely.

    Args:
        new: ids, of all face codes, then all body codes, then others.
        vectors: codebook [K, C] of each part, or of none.
    """
    generator = torch.Generator().manual_seed(seed)
    offsets = [project(vectors[part], model.config.hidden_size, generator) for part in vectors]
    for layer in unique_layers(model):
        rows = layer.get_parameter("weight")
        text = rows[:text_tokens].float()
        spread = text.std(dim=0).square().mean().sqrt()
        start = text.mean(dim=0).repeat(len(new), 1)
        if offsets:
            moved = torch.cat(offsets)
            start[: len(moved)] += spread * moved
        rows[new] = start.to(rows.dtype)


def unique_layers(model: PreTrainedModel) -> list[torch.nn.Module]:
    """The layers of token rows, in and out: one where they are tied."""
    layers = [model.get_input_embeddings(), model.get_output_embeddings()]
    return layers[:1] if layers[0].weight is layers[1].weight else layers


def project(vectors: torch.Tensor, width: int, generator: torch.Generator) -> torch.Tensor:
    """Vectors [K, C] about their mean, by a random matrix to [K, width], where the mean square of a number is 1.

    Distances keep their proportions, nearly (Johnson and Lindenstrauss 1984): like codes get like rows.
    """
    matrix = torch.randn(vectors.shape[1], width, generator=generator)
    projected = (vectors - vectors.mean(dim=0)) @ matrix
    return projected / projected.square().mean().sqrt().clamp_min(1e-12)


def codebook(path: Path, part: str, codes: int) -> torch.Tensor:
    """The vectors of a trained tokenizer, float32 [codes, C].

    Raises:
        UserError: it has another number of codes.
    """
    vectors = load_model(path).quantizer.codes()
    if len(vectors) != codes:
        raise UserError(
            f"{path} has {len(vectors)} codes, but config key tokenizers.{part}.codebook.size is {codes}; write the "
            "size that it was made with, or make it again (--forcerun train_tokenizer)"
        )
    return vectors


def _check_model(name: str, tokenizer: AnyTokenizer, model: PreTrainedModel, length: int) -> None:
    if not tokenizer.chat_template or tokenizer.eos_token is None:
        raise UserError(
            f"config key {KEY}: {name} has no chat template; write an instruction-tuned model such as "
            "Qwen2.5-1.5B-Instruct"
        )
    check_rows(name, tokenizer, model)
    if length > (longest := model.config.max_position_embeddings):
        raise UserError(f"config key mars.training.length is {length}, but {name} takes at most {longest} tokens")
    if tokenizer.pad_token is None:  # padding is masked everywhere, so any token will do
        tokenizer.pad_token = tokenizer.eos_token
