"""What a run keeps of secrets: that they were there."""

import time

import pytest

from runicorn.sdk.secrets import is_secret_name, without_secret_text, without_secret_values


@pytest.mark.parametrize("name", [
    "token", "hf_token", "HF_TOKEN", "hfToken", "HFToken", "wandb.api_key", "wandbApiKey", "auth/hf_token", "password",
    "DB_PASSWORD", "client_secret", "aws_secret_access_key", "private_key", "credentials", "Authorization",
])  # fmt: skip
def test_these_names_are_of_secrets(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", [
    "tokenizer", "max_tokens", "num_tokens", "pad_token", "model.eos_token", "padToken", "key", "keys", "monkey",
    "secretary", "lr", "passes", "token_type", "tokens", "",
])  # fmt: skip
def test_these_names_are_not(name):
    assert not is_secret_name(name)


@pytest.mark.parametrize(("text", "shown"), [
    ("postgres://me:p@ss:word@host/db", "postgres://me:***@host/db"),
    ("https://me:hunter2@github.com/a/b.git", "https://me:***@github.com/a/b.git"),
    ("https://ghp0123456789abcdefghijkl@github.com/a", "https://***@github.com/a"),
    ("https://host/x?a=1&access_token=abc&b=2", "https://host/x?a=1&access_token=***&b=2"),
    ("Settings(api_key='abc', project='x')", "Settings(api_key='***', project='x')"),
    ("{'hf_token': 'abc', 'lr': 1}", "{'hf_token': '***', 'lr': 1}"),
    ("train.py --hf-token abc --lr 1", "train.py --hf-token *** --lr 1"),
    ("password: hunter2", "password: ***"),
    ("Bearer abcdefghijkl", "Bearer ***"),
    ("see hf_abcdefghijklmnopqrstuvwxyz there", "see *** there"),
])  # fmt: skip
def test_secrets_within_a_text_are_hidden(text, shown):
    assert without_secret_text(text) == shown
    assert without_secret_text(shown) == shown


@pytest.mark.parametrize("text", [
    "ssh://git@github.com/a/b", "the next token: foo", "https://host:8080/a@b", "pad_token=<pad>", "max_token=512",
    "sk-learn-random-forest-classifier", "see https://arxiv.org/abs/1706.03762?context=cs", "token=None",
    "C:/keys/monkey=1", "key points: three", "--pad-token x",
])  # fmt: skip
def test_what_is_no_secret_stays(text):
    assert without_secret_text(text) == text


def test_values_are_hidden_by_their_names_at_any_depth():
    given = {
        "hf_token": "x", "auth": {"password": 1234, "user": "me"}, "api_keys": ["x", "y"], "credentials": {"a": "x"},
        "token": None, "use_auth_token": True, "max_token": 512, "pad_token": "x", "mask": {"token": "<mask>"},
        "db": "postgres://me:x@host", "argv": ["--hf-token", "x", "--lr", "1"], "list": [{"secret": "x"}, 1],
    }  # fmt: skip
    assert without_secret_values(given) == {
        "hf_token": "***", "auth": {"password": "***", "user": "me"}, "api_keys": ["***"] * 2,
        "credentials": {"a": "***"}, "token": None, "use_auth_token": True, "max_token": 512, "pad_token": "x",
        "mask": {"token": "<mask>"}, "db": "postgres://me:***@host", "argv": ["--hf-token", "***", "--lr", "1"],
        "list": [{"secret": "***"}, 1],
    }  # fmt: skip


@pytest.mark.parametrize("text", ["token" * 2000, "a-" * 5000, "://" * 3000, "://" + "a" * 10000, "?" + "&key" * 2500,
                                  "-----BEGIN PRIVATE KEY-----" * 400, "token " * 1700, "eyJ" * 3300,
                                  "--" * 5000])  # fmt: skip
def test_no_text_takes_long(text):
    before = time.monotonic()
    without_secret_text("token://" + text)
    assert time.monotonic() - before < 1
