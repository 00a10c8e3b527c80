"""Speed of MARS's training: real tokens a second beside the plain Trainer, and how much of a GPU is used.

Run from the repository's root: python benchmarks/mars_training.py [--threads 2] [--samples 128]
The same samples, batch, weights and optimizer, in turns in one run: the Trainer of transformers with right padding to
the longest of a batch and an attention mask, and our training with packs. Dialogues are made; the lengths of turns are
log-normal, as those of talk are (a median of 3 s, a tenth above 11 s), the paper's single exchange. Tokens are those of
samples, never of padding. The last line is the ratio.

With --gpu (one GPU): model FLOPs utilisation of a model of Llama 3.2 1B's shape with random weights, in sequences of
4,096 tokens, bfloat16, by the meter that training itself uses. --attention flash_attention_2 where it is installed.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, Trainer, TrainingArguments

from nonverbal.mars.base import tiny_model, tiny_tokenizer
from nonverbal.mars.encode import IGNORED, Encoded
from nonverbal.mars.packing import PACKED, pack
from nonverbal.mars.settings import Tiny, Training
from nonverbal.mars.speed import Cost, Meter, peak
from nonverbal.mars.trainer import MarsTrainer

TOKENS_A_SECOND = 2.5 * 1.3 + 2 * 25 / 8  # words in pieces, and a FACE and a BODY token each 8 frames
MEDIAN_S, SPREAD, LONGEST_S = 3.0, 1.0, 60.0
PROMPT = 90  # tokens of system prompt and marks
ONE_B = {
    "vocab_size": 128256 + 1024, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-5, "tie_word_embeddings": True,
    "rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 32.0, "low_freq_factor": 1.0,
                        "high_freq_factor": 4.0, "original_max_position_embeddings": 8192},
}  # fmt: skip


def exchanges(count: int, vocabulary: int, length: int, rng: random.Random) -> list[Encoded]:
    """Samples of random tokens: a prompt with the answered turn, and the answer."""
    made = []
    for _ in range(count):
        turns = [
            max(2, int(min(LONGEST_S, MEDIAN_S * np.exp(rng.gauss(0, SPREAD))) * TOKENS_A_SECOND)) for _ in range(2)
        ]
        ids = np.array([rng.randrange(vocabulary) for _ in range(min(PROMPT + sum(turns), length))], np.int32)
        made.append(Encoded(ids, min(PROMPT + turns[0], length - 1), 1))
    return made


def settings(**changed: object) -> Training:
    """Those of training, all of which the benchmark holds equal for both."""
    values = {
        "length": 1024, "batch": 8, "micro_batch": 8, "epochs": 1, "learning_rate": 1e-4, "weight_decay": 0.01,
        "warm_up": 0, "clip": 1.0, "loss": "answer", "packing": True, "lora": None, "attention": "sdpa",
        "gradient_checkpointing": False, "liger": True, "processes": 1, "nodes": 1, "fsdp": False, "threads": 1,
        "checkpoint_steps": 10**6, "validation": 1, "patience": None,
    }  # fmt: skip
    return Training.model_validate(values | changed)


def padded(batch: Sequence[Encoded]) -> dict[str, torch.Tensor]:
    """What a plain collator makes: right padding to the longest, an attention mask."""
    longest = max(len(one.ids) for one in batch)
    ids, mask, labels = (np.full((len(batch), longest), value, np.int64) for value in (0, 0, IGNORED))
    for row, one in enumerate(batch):
        size = len(one.ids)
        ids[row, :size], mask[row, :size], labels[row, one.answer : size] = one.ids, 1, one.ids[one.answer :]
    return {
        name: torch.from_numpy(x)
        for name, x in zip(("input_ids", "attention_mask", "labels"), (ids, mask, labels), strict=True)
    }


def plain(model: PreTrainedModel, samples: Sequence[Encoded], chosen: Training, work: Path) -> None:
    """An epoch of transformers' Trainer."""
    args = TrainingArguments(
        output_dir=str(work), per_device_train_batch_size=chosen.batch, num_train_epochs=1, report_to="none",
        learning_rate=chosen.learning_rate, weight_decay=chosen.weight_decay, save_strategy="no", disable_tqdm=True,
        remove_unused_columns=False, use_cpu=True, dataloader_pin_memory=False, logging_strategy="no",
    )  # fmt: skip
    trainer = Trainer(model=model, args=args, train_dataset=list(samples), data_collator=padded)  # type: ignore[arg-type]
    trainer.train()


def ours(model: PreTrainedModel, samples: Sequence[Encoded], chosen: Training, work: Path) -> None:
    """An epoch of our training, packing and the checkpoint at its end among it."""
    packs = pack(samples, chosen.length)
    model.set_attn_implementation(PACKED)
    kinds = torch.zeros(model.config.vocab_size, dtype=torch.long)
    meter = Meter(Cost.of(model), None, 1)
    MarsTrainer(model, kinds, packs, [], chosen, 0, work, 0, meter).train()


def against_padding(threads: int, count: int) -> None:
    """The table of the two, measured in turns, and their ratio."""
    torch.set_num_threads(threads)
    rng = random.Random(0)
    tokenizer = tiny_tokenizer(iter(["one two three"]), 512)
    chosen = settings(threads=threads)
    shape = Tiny(layers=2, width=128, heads=4, vocabulary=2048)
    samples = exchanges(count, len(tokenizer), chosen.length, rng)
    lengths = np.array([len(one.ids) for one in samples])
    print(f"{count} samples, {lengths.sum():,} tokens; median {np.median(lengths):.0f}, longest {lengths.max()}")
    spent: dict[str, list[tuple[float, float]]] = {"plain Trainer, padded": [], "ours, packed": []}
    for _ in range(3):
        for name, run in zip(spent, (plain, ours), strict=True):
            with tempfile.TemporaryDirectory() as folder:
                model = tiny_model(shape, tokenizer, chosen.length, 0)
                began = time.perf_counter(), time.process_time()
                run(model, samples, chosen, Path(folder))
                spent[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    print("| training | real tokens a second, three runs | a CPU second, three runs |")
    print("|---|---|---|")
    for name, found in spent.items():
        rates = [", ".join(f"{lengths.sum() / seconds:,.0f}" for seconds in kind) for kind in zip(*found, strict=True)]
        print(f"| {name} | {' | '.join(rates)} |")
    best = [[min(kind) for kind in zip(*found, strict=True)] for found in spent.values()]
    print(f"ratio of the best: {best[0][0] / best[1][0]:.2f}, by processor time {best[0][1] / best[1][1]:.2f}")


def on_gpu(steps: int, attention: str, micro_batch: int) -> None:
    """Model FLOPs utilisation of 1 B parameters."""
    if not torch.cuda.is_available():
        raise SystemExit("--gpu measures a GPU, and torch sees none here; run it where there is one")
    chosen = settings(length=4096, micro_batch=micro_batch, attention=attention, loss="all", checkpoint_steps=5)
    way = PACKED if attention == "sdpa" else attention
    model = LlamaForCausalLM._from_config(LlamaConfig(**ONE_B), attn_implementation=way)
    rng = random.Random(0)
    samples = exchanges(steps * 8 * 40, 128000, chosen.length, rng)
    packs = pack(samples, chosen.length)[: steps * 8]
    kinds = torch.zeros(model.config.vocab_size, dtype=torch.long)
    cost = Cost.of(model)
    with tempfile.TemporaryDirectory() as folder:
        trainer = MarsTrainer(model, kinds, packs, [], chosen, 0, Path(folder), 0, Meter(cost, peak(), 1))
        trainer.args.save_strategy = "no"  # of a model that nobody wants
        trainer.train()
        log = [entry for entry in trainer.state.log_history if "tokens_a_second" in entry][1:]  # without the start
    rates = [entry["tokens_a_second"] for entry in log]
    used = [entry.get("mfu") for entry in log]
    name = torch.cuda.get_device_name()
    result = {"device": name, "parameters": model.num_parameters(), "tokens_a_second": rates, "mfu": used}
    print(json.dumps(result, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--steps", type=int, default=20, help="on a GPU")
    parser.add_argument("--attention", default="sdpa", choices=("sdpa", "flash_attention_2"), help="on a GPU")
    parser.add_argument("--micro-batch", type=int, default=2, help="on a GPU")
    args = parser.parse_args()
    if args.gpu:
        on_gpu(args.steps, args.attention, args.micro_batch)
    else:
        against_padding(args.threads, args.samples)


if __name__ == "__main__":
    main()
