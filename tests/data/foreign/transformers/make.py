"""Makes the files of this folder with the Trainer of transformers. Not a part of the tests; README.md says how."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

HERE = Path(__file__).parent
KEPT = ("trainer_state.json", "config.json")


class Sentences(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 64

    def __getitem__(self, at: int) -> dict[str, Any]:
        ids = torch.arange(8) + at % 5
        return {"input_ids": ids, "attention_mask": torch.ones(8, dtype=torch.long), "labels": torch.tensor(at % 2)}


def trainer() -> Trainer:
    torch.manual_seed(7)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    model = BertForSequenceClassification(BertConfig(vocab_size=32, max_position_embeddings=16, **sizes))
    arguments = TrainingArguments(
        output_dir="out",
        per_device_train_batch_size=8,
        num_train_epochs=3,
        logging_steps=2,
        eval_strategy="epoch",
        save_steps=8,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        seed=7,
    )
    return Trainer(model, arguments, train_dataset=Sentences(), eval_dataset=Sentences())


def main() -> None:
    os.chdir(HERE)
    shutil.rmtree("out", ignore_errors=True)
    first = trainer()
    first.train()
    first.save_state()
    for path in Path("out").rglob("*"):
        if path.is_file() and path.name not in KEPT:
            path.unlink()


if __name__ == "__main__":
    main()
