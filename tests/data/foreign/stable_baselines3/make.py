"""Makes the files of this folder with the logger of stable-baselines3. Not a part of the tests; README.md says how."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from stable_baselines3 import A2C
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure

HERE = Path(__file__).parent


class Late(BaseCallback):
    """Records one more value from step 400 on, and keeps the file as it was before its header grew."""

    def _on_step(self) -> bool:
        if self.num_timesteps == 400:
            shutil.copy("progress.csv", "progress.before.csv")
        if self.num_timesteps >= 400:
            self.logger.record("late/value", self.num_timesteps / 3)
        return True


def main() -> None:
    os.chdir(HERE)
    model = A2C("MlpPolicy", "CartPole-v1", seed=7, device="cpu")
    model.set_logger(configure(".", ["csv", "json"]))
    model.learn(800, log_interval=20, callback=Late())
    model.logger.close()


if __name__ == "__main__":
    main()
