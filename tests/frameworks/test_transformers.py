"""A Hugging Face Trainer trains a model made from a config; the run holds what it logs."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

import runicorn as rn
from runicorn.integrations.transformers import RunicornCallback


class Sentences(torch.utils.data.Dataset):
    def __len__(self):
        return 16

    def __getitem__(self, index):
        return {"input_ids": torch.arange(4) + index % 3, "labels": torch.tensor(index % 2)}


class Failing(Sentences):
    def __getitem__(self, index):
        if index == 5:
            raise RuntimeError("a broken sentence")
        return super().__getitem__(index)


def model():
    config = BertConfig(
        vocab_size=10, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, num_labels=2
    )
    return BertForSequenceClassification(config)


def trainer(callback, data=None, **options):
    arguments = TrainingArguments(
        output_dir="out",
        per_device_train_batch_size=4,
        num_train_epochs=2,
        logging_steps=1,
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        **{"save_strategy": "no", **options},
    )
    return Trainer(
        model(), arguments, train_dataset=data or Sentences(), eval_dataset=Sentences(), callbacks=[callback]
    )


def test_a_training_is_a_run_with_named_metrics_and_a_whole_config(recorded):
    trained = trainer(RunicornCallback("nlp", name="first"), eval_strategy="epoch")
    trained.train()
    trained.predict(Sentences())
    rn.finish()
    run = recorded.run()
    assert (run.project, run.name, run.state.value) == ("nlp", "first", "finished")
    assert {"train/loss", "train/learning_rate", "train/grad_norm", "train/epoch", "eval/loss", "test/loss"} <= (
        recorded.metrics()
    )
    assert [step for step, _ in recorded.series("train/loss")] == list(range(1, 9))
    assert [step for step, _ in recorded.series("eval/loss")] == [4, 8]
    assert run.config["hidden_size"] == 8
    assert run.config["num_train_epochs"] == 2
    assert run.config["num_parameters"] > 0
    assert run.summary["train/runtime"] > 0
    assert "train_runtime" not in recorded.metrics()


def test_a_training_that_raises_is_a_failed_run(recorded):
    with pytest.raises(RuntimeError, match="broken sentence"), rn.init():
        trainer(RunicornCallback(), Failing()).train()
    assert (recorded.run().state.value, recorded.run().exit_reason) == ("failed", "RuntimeError: a broken sentence")


def test_checkpoints_are_kept_as_versions(recorded):
    trainer(RunicornCallback(log_model="checkpoint"), save_strategy="epoch").train()
    run = rn.run
    kept = run.use_artifact(f"model-{run.id}:step-8")
    assert kept.version == "v1"
    assert "model.safetensors" in [file.path for file in kept.files]
    assert kept.metadata["global_step"] == 8


def test_the_last_checkpoint_is_kept_at_the_end(recorded):
    trainer(RunicornCallback(log_model="end"), save_strategy="epoch").train()
    assert rn.run.use_artifact(f"model-{rn.run.id}:final").version == "v0"


def test_only_the_first_process_of_the_world_records(recorded):
    trained = trainer(RunicornCallback())
    trained.state.is_world_process_zero = False
    trained.is_world_process_zero = lambda: False
    trained.train()
    assert recorded.runs() == []


def test_a_run_that_is_open_is_used_and_the_trainers_name_names_a_new_one(recorded):
    with rn.init(name="mine"):
        trainer(RunicornCallback(), run_name="theirs").train()
    trainer(RunicornCallback(), run_name="theirs").train()
    rn.finish()
    assert sorted(run.name for run in recorded.runs()) == ["mine", "theirs"]
