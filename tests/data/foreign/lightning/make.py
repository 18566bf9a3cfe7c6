"""Makes the files of this folder with Lightning's own CSVLogger. Not a part of the tests; README.md says how."""

from __future__ import annotations

import os
import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, TensorDataset

HERE = Path(__file__).parent


class Model(lightning.LightningModule):
    def __init__(self, lr: float, optimizer: Any, sizes: tuple[int, ...], options: Namespace, name: str) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(sizes[0], sizes[1])

    def training_step(self, batch: Any, at: int) -> Any:
        loss = ((self.layer(batch[0]) - batch[1]) ** 2).mean()
        self.log("train_loss", loss)
        self.log("train_loss_epoch", loss, on_step=False, on_epoch=True)
        if self.current_epoch == 2:
            self.log("late/metric", float(at))
        return loss

    def validation_step(self, batch: Any, at: int) -> None:
        self.log("val/loss", ((self.layer(batch[0]) - batch[1]) ** 2).mean())

    def configure_optimizers(self) -> Any:
        return self.hparams.optimizer(self.parameters(), lr=self.hparams.lr)


class Copies(lightning.Callback):
    """Keeps the file as it is before its header grows."""

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == 2:
            trainer.logger.save()
            shutil.copy(Path(trainer.logger.log_dir) / "metrics.csv", "metrics.before.csv")


def main() -> None:
    torch.manual_seed(7)
    os.chdir(HERE)
    shutil.rmtree("lightning_logs", ignore_errors=True)
    data = DataLoader(TensorDataset(torch.randn(64, 4), torch.randn(64, 2)), batch_size=8)
    model = Model(0.05, torch.optim.SGD, (4, 2), Namespace(depth=18, dropout=0.1), "résumé")
    trainer = lightning.Trainer(
        max_epochs=3,
        logger=CSVLogger("."),
        log_every_n_steps=2,
        enable_checkpointing=False,
        enable_progress_bar=False,
        callbacks=[Copies()],
    )
    trainer.fit(model, data, data)


if __name__ == "__main__":
    main()
