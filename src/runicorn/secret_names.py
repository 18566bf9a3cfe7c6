"""What a name says of what goes by it: whether that is a secret. Pure."""

from __future__ import annotations

import enum
import re

# Patterns as texts, which are compiled by the first name that may be one: a script waits for all of init().

# For patterns that look for names within a text; secrecy_of decides on what they find.
SURE_KINDS = (
    r"(?:passwords?|passwd|passphrase|passcode|secrets?|token|(?:access|api|auth|bearer|hf|refresh)[._-]?tokens|"
    r"credentials?|creds|authorization|jwt|cookies?|webhook(?:[._-]?url)?|(?:api|access|secret|private)[._-]?keys?)"
)
MAYBE_KINDS = r"(?:auth|pat|pass|pwd?|header|keys?)"

_BEFORE = r"(?:.*[._/ +-])?"
_SURE = _BEFORE + SURE_KINDS
_PASSWORD = _BEFORE + r"(?:passwords?|passwd|passphrase|passcode)"
# Tokens of a vocabulary, which no script keeps secret.
_OF_VOCABULARY = (
    _BEFORE + r"(?:pad|bos|eos|eot|unk|mask|sep|cls|image|audio|video|special|start|begin|end|stop|first|last|"
    r"next|max|min|new|per|boi|eoi|instance|class|placeholder|trigger|prompt|separator|delimiter)[._-]token"
)
# Names that are as often of something else: what goes by them is a secret where nothing tells otherwise, which may be
# the word before. A key is one only where its owner says so; others are those of tables, sorting and object stores.
_MAYBE = (
    _BEFORE + r"(?:auth|auth(?:orization)?[._-]?header|pat|pass|pwd?|"
    r"(?:account|admin|aes|anthropic|app|auth|aws|azure|clearml|cohere|comet|consumer|dagshub|datadog|deepseek|deploy|"
    r"encryption|gcp|gemini|github|gitlab|google|gpg|groq|hf|hmac|huggingface|kaggle|langchain|langsmith|license|master|"
    r"mistral|mlflow|neptune|openai|pgp|pinecone|replicate|rsa|sendgrid|sentry|service|shared|signing|slack|ssh|stripe|"
    r"subscription|swanlab|tavily|twilio|wandb|webhook)[._-]?keys?)"
)
_OF_SOMETHING_ELSE = (
    _BEFORE
    + r"(?:(?:date|early|exclude|file|filename|filter|glob|include|key|layer|lr|match|module|name|param|path|re|"
    r"regex|search|split|stop|stopping|url)[._/ +-]pat|"
    r"(?:all|backward|band|bwd|compiler?|each|first|forward|full|fwd|high|last|low|max|min|multi|n|next|num|number|one|"
    r"optim|per|second|single|third|two|warmup)[._/ +-]pass|(?:conv|depth|dw|point)[._/ +-]pw)"
)
_HARMLESS = (
    r"(?is)[-+]?[\d.]+(?:e[-+]?\d+)?|none|null|true|false|yes|no|on|off|auto|default|required|optional|enabled|disabled|"
    r"anonymous|basic|bearer|digest|env|file|iam|kerberos|key|keyring|ldap|mtls|netrc|ntlm|oauth2?|oidc|password|prompt|"
    r"publickey|saml|ssl|sso|tls|token|x509|(?:\.{0,2}|~)[/\\].*|[a-z]:[/\\].*|~|\.{1,2}|\*{3}|<.*>|\[.*\]"
)
_LONG_NUMBER = re.compile(r"\d{4,}")
_PATTERN = re.compile(r"[*?^$|\\\[\](){}]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_FIRST_LOOK = re.compile(
    r"(?i)pass|pwd|pw(?![a-z])|pat(?![a-z])|secret|token|key|cred|auth|cookie|jwt|webhook"
)  # fmt: skip


class Secrecy(enum.Enum):
    """What a name says. MAYBE: what goes by it is a secret unless it looks like something else."""

    NONE = "none"
    MAYBE = "maybe"
    SURE = "sure"


def secrecy_of(name: str) -> Secrecy:
    """Return what a name says: SURE for hf_token, DB_PASSWORD; MAYBE for auth, gitlab_pat, wandb_key; NONE for path."""
    if not may_name_secrets(name):
        return Secrecy.NONE
    plain = _CAMEL.sub("_", name).lower()
    if re.fullmatch(_SURE, plain):
        return Secrecy.NONE if re.fullmatch(_OF_VOCABULARY, plain) else Secrecy.SURE
    return (
        Secrecy.MAYBE if re.fullmatch(_MAYBE, plain) and not re.fullmatch(_OF_SOMETHING_ELSE, plain) else Secrecy.NONE
    )


def is_secret_name(name: str) -> bool:
    """Tell whether what goes by this name may be a secret."""
    return secrecy_of(name) is not Secrecy.NONE


def is_password_name(name: str) -> bool:
    """Tell whether a number that goes by this name is a secret, too."""
    return bool(re.fullmatch(_PASSWORD, name.lower()))


def is_secret(name: str, value: str) -> bool:
    """Tell whether a text that goes by this name is a secret: `auth` is none where it is "basic"."""
    secrecy = secrecy_of(name)
    return secrecy is Secrecy.SURE or (secrecy is Secrecy.MAYBE and not _is_harmless(name.lower(), value))


def may_name_secrets(text: str) -> bool:
    """Tell by a fast look whether a text may hold a name of a secret; False is certain."""
    return _FIRST_LOOK.search(text) is not None


def _is_harmless(name: str, value: str) -> bool:
    """Tell whether what may be a secret looks like something else: a number, a path, a method; a pattern for a pat."""
    if name.endswith(("pw", "pwd")) and _LONG_NUMBER.fullmatch(value):
        return False
    return not value or bool(re.fullmatch(_HARMLESS, value)) or (name.endswith("pat") and bool(_PATTERN.search(value)))
