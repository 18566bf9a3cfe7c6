"""Logs are told from tables and texts that are none, and from what Runicorn and TensorBoard write themselves."""

import pytest

from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.recognition import candidates, kind_of


def kind_by_name(name, head):
    found = [kind_of(each, head) for each in candidates([name])]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("labels.csv", b"image,label\ncat1.png,0\ndog1.png,1\n"),
        ("train.csv", b"id,text,label\n1,I liked it a lot,1\n2,not at all,0\n"),
        ("train.csv", b"epoch,text,loss_comment\n1,I liked it,fine\n2,not at all,bad\n"),
        ("satellites.csv", b"epoch,inclination,eccentricity\n2024-01-01T00:00:00,51.6,0.0001\n"),
        ("cells.csv", b"epoch,amplitude,latency\n1,0.5,0.25\n2,0.5,0.25\n"),
        ("metrics.csv", b"date,price\n2024-01-01,1.5\n"),
        ("results.csv", b"name,score\nanna,1.5\n"),
        ("progress.csv", b"user,done\nanna,0.5\n"),
        ("monitor.csv", b'#{"t_start": 1.5, "env_id": "CartPole-v1"}\nr,l,t\n12.0,12,0.5\n'),
        ("exported.csv", b"run,metric,step,time,value\na,loss,1,1700000000.0,0.5\n"),
        ("ragged.csv", b"epoch,loss\n1,0.5\n2,0.5,3\n3,0.5,3\n"),
        ("numbers.csv", b"0,0.5\n1,0.25\n"),
        ("metrics.csv", b"step,note\n1,good\n2,bad\n"),
        ("metadata.jsonl", b'{"file_name": "1.png", "text": "a cat"}\n{"file_name": "2.png", "text": "a dog"}\n'),
        ("train.jsonl", b'{"id": 1, "text": "I liked it", "label": 1}\n'),
        ("prices.jsonl", b'{"sku": 5, "price": 1.5}\n{"sku": 6, "price": 2.5}\n'),
        ("chat.jsonl", b'{"step": 1, "messages": [1], "tools": [], "score": 0.5}\n'),
        ("long.jsonl", b'{"step": 1, "answer": "' + b"word " * 100 + b'", "score": 0.5}\n'),
        ("counts.jsonl", b'{"step": 1, "rows": 5}\n'),
        ("trace.jsonl", b"[1, 2]\n[3, 4]\n"),
        ("log.txt", b"2024-01-01 INFO loss 0.5\n"),
        ("trainer_state.json", b'{"state": "running"}'),
        ("empty.csv", b""),
        ("empty.jsonl", b""),
        ("utf16.csv", "epoch,loss\n0,0.5\n".encode("utf-16")),
    ],
)
def test_a_table_or_text_that_is_no_log_is_none(name, head):
    assert kind_by_name(name, head) is None


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("metrics.csv", b"step,loss\n1,0.5\n", Kind.LIGHTNING),
        ("metrics.csv", b"epoch,loss\n1,0.5\n", Kind.KERAS),
        ("log.csv", b"\xef\xbb\xbfEpoch\tval_Loss\r\n1\t0.5\r\n", Kind.KERAS),
        ("history.csv", b"epoch,loss,acc\n0,nan,NA\n", Kind.KERAS),
        ("results.csv", b"      epoch,   train/box_loss\n          0,           1.5\n", Kind.ULTRALYTICS),
        ("progress.csv", b"time/fps,time/total_timesteps\n5,100\n", Kind.STABLE_BASELINES),
        ("train.jsonl", b'{"step": 1, "loss": 0.5}\n', Kind.JSON_LINES),
        ("a.NDJSON", b'{"epoch": 1, "train": {"loss": 0.5}}\n', Kind.JSON_LINES),
        ("log.txt", b'{"train_lr": 0.01, "train_loss": 2.5, "epoch": 0}\n', Kind.JSON_LINES),
        (
            "20240101.log.json",
            b'{"env": "x"}\n{"mode": "train", "epoch": 1, "iter": 50, "loss": 0.5}\n',
            Kind.JSON_LINES,
        ),
        ("wandb.jsonl", b'{"_step": 0, "_timestamp": 1700000000.5, "loss": 1.5}\n', Kind.JSON_LINES),
        ("losses.jsonl", b'{"loss": 0.5, "lr": 0.1}\n', Kind.JSON_LINES),
    ],
)
def test_a_log_is_told_by_its_name_and_first_rows(name, head, kind):
    assert kind_by_name(name, head) is kind


@pytest.mark.parametrize("head", [b"epoch,loss\n", b"epoch,lo", b"epoch,loss\n0,0.", b'{"step": 1, "loss": 0'])
def test_what_has_no_whole_row_is_no_log_yet(head):
    assert kind_by_name("a.csv", head) is None
    assert kind_by_name("a.jsonl", head) is None


def test_a_table_of_thousands_of_columns_is_told():
    names = ",".join(f"metric_number_{number}" for number in range(5000))
    head = f"epoch,loss,{names}\n0,0.5,{','.join(['0.123456'] * 5000)}\n".encode()
    assert kind_by_name("a.csv", head) is Kind.KERAS


@pytest.mark.parametrize(
    "name",
    [
        "events.jsonl",
        "events.rank1.jsonl",
        "console.log",
        "run.json",
        "events.out.tfevents.1700000000.gpu7.1.0",
        "model.ckpt",
        "config.json",
        ".hidden.csv",
        "notes.txt",
    ],
)
def test_other_names_are_no_candidates(name):
    assert candidates([name]) == []


def test_a_run_of_our_own_has_no_candidates():
    assert candidates(["run.json", "metrics.bin", "metrics.csv", "a.jsonl", "checkpoint-5"]) == []


def test_a_trainers_states_come_with_the_latest_checkpoint_last():
    names = ["checkpoint-1000", "checkpoint-500", "checkpoint-best", "checkpoint-٣", "trainer_state.json"]
    assert [each.path for each in candidates(names, "out")] == [
        "trainer_state.json",
        "checkpoint-500/trainer_state.json",
        "checkpoint-1000/trainer_state.json",
    ]
    assert candidates(["trainer_state.json"], "checkpoint-500") == []
