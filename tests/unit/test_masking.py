"""What a run keeps of secrets: that they were there."""

import time

import pytest

from runicorn.masking import without_secret_arguments, without_secret_text, without_secret_values
from runicorn.secret_names import is_secret, is_secret_name


@pytest.mark.parametrize("name", [
    "token", "hf_token", "HF_TOKEN", "hfToken", "HFToken", "wandb.api_key", "wandbApiKey", "auth/hf_token", "password",
    "pat", "PAT", "gitlab_pat", "githubPat", "auth", "http_auth", "basicAuth", "registry.auth",
    "wandb_key",
    "WANDB_KEY", "wandbKey", "wandb.key", "wandbkey", "OPENAI_KEY", "AccountKey", "ssh-key", "pass", "smtp_pass",
    "db.pass",
    "pwd", "db_pw", "DB_PWD", "jwt", "session_cookie", "creds", "auth_header", "slack_webhook_url", "passcode",
    "DB_PASSWORD", "client_secret", "aws_secret_access_key", "private_key", "credentials", "Authorization",
])  # fmt: skip
def test_these_names_are_of_secrets(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", [
    "tokenizer", "max_tokens", "num_tokens", "pad_token", "model.eos_token", "padToken", "key", "keys", "monkey",
    "secretary", "lr", "passes", "token_type", "tokens", "", "author", "authors", "authored", "authority", "path",
    "paths",
    "pattern", "patience", "compat", "patch", "passing", "password_length", "bypass", "compass", "sort_key",
    "image_key",
    "primary_key", "s3_key", "rng_key", "keyboard", "forward_pass", "n_pass", "file_pat", "glob.pat", "conv_pw", "pwm",
    "oauth", "cookiecutter", "header", "spat", "unauth",
])  # fmt: skip
def test_these_names_are_not(name):
    assert not is_secret_name(name)


@pytest.mark.parametrize(("text", "shown"), [
    ("postgres://me:p@ss:word@host/db", "postgres://me:***@host/db"),
    ("postgres://me:p/w?x#@host/db", "postgres://me:***@host/db"),
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
    "https://host:8080?mail=a/b@c", "http://a:80/x, me@host",
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
                                  "--" * 5000, "auth=" * 2000, "https://" * 1300, "a.b-" * 2500, "--auth " * 1400,
                                  "pat=x&" * 1700, "a" * 10000 + "://", "key " * 2500, "x_pass" * 1700])  # fmt: skip
def test_no_text_takes_long(text):
    before = time.process_time()
    without_secret_text("token://" + text)
    assert time.process_time() - before < 1


@pytest.mark.parametrize(("name", "value"), [
    ("pat", "ab12cd"), ("auth", "me:hunter2"), ("auth", "s3cret"), ("wandb_key", "0123abc"), ("pwd", "hunter2"),
    ("pwd", "123456"), ("db_pass", "x"), ("pass", "x y"),
])  # fmt: skip
def test_what_goes_by_a_doubtful_name_is_a_secret(name, value):
    assert is_secret(name, value)


@pytest.mark.parametrize(("name", "value"), [
    ("auth", "basic"), ("auth", "OAuth2"), ("auth", "none"), ("use_auth", "true"), ("auth", ""), ("pass", "2"),
    ("pat", "3"), ("pat", "*.png"), ("pat", "^conv"), ("pwd", "/home/me"), ("PWD", "C:\\work"), ("ssh_key",
    "~/.ssh/id"),
    ("pw", "1"), ("auth", "<none>"), ("auth", "../auth.json"),
])  # fmt: skip
def test_what_goes_by_a_doubtful_name_may_look_like_something_else(name, value):
    assert not is_secret(name, value)


@pytest.mark.parametrize(("given", "shown"), [
    ("--pat=ab12", "--pat=***"), ("--auth=s3cret", "--auth=***"), ("--wandb_key=0a1b", "--wandb_key=***"),
    ("--pat ab12 --lr 1", "--pat *** --lr 1"), ("--auth me:pw x", "--auth *** x"), ("auth=s3cret", "auth=***"),
    ("+wandb.key=0a1b ++model.lr=1", "+wandb.key=*** ++model.lr=1"), ("-auth s3cret", "-auth ***"),
    ("--url=https://user:pw@host/x", "--url=https://user:***@host/x"), ("https://user:pw@host",
    "https://user:***@host"),
    ("https://t0k@host/x", "https://***@host/x"), ("--url https://t0k@host", "--url https://***@host"),
    ("git+https://t0k@github.com/a/b", "git+https://***@github.com/a/b"), ("wss://t0k@host", "wss://***@host"),
    ("redis://:pw@host:6379/0", "redis://:***@host:6379/0"), ("mlflow://t0ken123@host", "mlflow://***@host"),
    ("https://t0k:x-oauth-basic@github.com", "https://***@github.com"), ("https://sk_x:@api.x", "https://***@api.x"),
    ("db=postgres://me:pw@host/db", "db=postgres://me:***@host/db"), ("--env=WANDB_KEY=0a1b", "--env=WANDB_KEY=***"),
    ("--api-keys a b c --lr 1", "--api-keys *** *** *** --lr 1"), ("--token a b", "--token *** b"),
    ("https://h/x?auth=abc&pat=x#access_token=y", "https://h/x?auth=***&pat=***#access_token=***"),
    ("https://hooks.slack.com/services/T0/B0/x1", "https://hooks.slack.com/services/***"),
    ("{'auth':'s3cret','wandb_key':'0a1b'}", "{'auth':'***','wandb_key':'***'}"),
])  # fmt: skip
def test_a_command_line_is_kept_without_secrets_of_any_kind(given, shown):
    assert " ".join(without_secret_arguments(given.split(" "))) == shown
    assert without_secret_text(given) == shown or "s a" in given or "+wandb" in given
    assert " ".join(without_secret_arguments(shown.split(" "))) == shown


@pytest.mark.parametrize("given", [
    "--author=me --authors a b", "--path=/data/x --paths a", "--pattern=*.png --pat=*.png", "--authored=yes",
    "monkey=banana --monkey=x", "--auth=basic", "--auth none --lr 1", "--pass=2 --pat 5", "--forward_pass=fast",
    "--sort_key=name --key=loss", "ssh://git@github.com/a", "postgres://me@host/db", "s3://bucket/key@v1",
    "docker://resnet@sha256:abc", "artifact://resnet@v3", "https://host/a@b", "https://host:8080/a@b", "a@b.c",
    "--email=me@host.org", "git@github.com:a/b.git", "--header=1", "--compat=x --patience=3", "--token_type=bpe",
    "https://host/x?author=me&sort=key&compat=1", "https://host/?q=a@b", "--use-auth", "--pwd=/home/me",
    "--conv.pw=3x3",
])  # fmt: skip
def test_a_command_line_without_secrets_stays_as_it_is(given):
    assert without_secret_arguments(given.split(" ")) == given.split(" ")
    assert without_secret_text(given) == given


def test_values_by_doubtful_names_are_hidden_but_not_what_lies_below_them():
    given = {
        "auth": "s3cret", "wandb_key": "0a1b", "pat": ["a", "3"], "http_auth": {"user": "me", "method": "x"},
        "pwd": "/x",
        "author": "me", "patterns": ["*.png"], "pass": 2, "nested": [{"gitlab_pat": "x", "path": "y"}],
        "auth_type": "x",
    }  # fmt: skip
    assert without_secret_values(given) == {
        "auth": "***", "wandb_key": "***", "pat": ["***", "3"], "http_auth": {"user": "me", "method": "x"}, "pwd": "/x",
        "author": "me", "patterns": ["*.png"], "pass": 2, "nested": [{"gitlab_pat": "***", "path": "y"}],
        "auth_type": "x",
    }  # fmt: skip
