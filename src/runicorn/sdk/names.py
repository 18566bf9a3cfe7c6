"""Names for runs that were given none: calm-fox. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from runicorn.masking import without_secret_text

# fmt: off
ADJECTIVES = (
    "amber", "bold", "brave", "brisk", "calm", "clear", "clever", "cosy", "crisp", "deep", "eager", "early", "fair",
    "fast", "fine", "fresh", "gentle", "glad", "golden", "good", "happy", "keen", "kind", "light", "lively",
    "lucky", "mellow", "merry", "mild", "modest", "neat", "nimble", "noble", "patient", "plain", "proud", "quick",
    "quiet", "rare", "ready", "red", "rich", "round", "royal", "safe", "sharp", "shiny", "silent", "silver",
    "simple", "sleek", "smart", "smooth", "snowy", "soft", "solid", "steady", "still", "sunny", "sure", "swift",
    "tall", "tidy", "tough", "true", "vivid", "warm", "wide", "wild", "wise", "young",
)
ANIMALS = (
    "ant", "badger", "bat", "bear", "beaver", "bee", "bison", "boar", "buck", "bull", "camel", "carp", "cat", "cod",
    "cougar", "crab", "crane", "crow", "deer", "dog", "dove", "duck", "eagle", "eel", "elk", "falcon", "ferret",
    "finch", "fox", "frog", "gecko", "goat", "goose", "gull", "hare", "hawk", "hen", "heron", "horse", "ibis",
    "jackal", "jay", "kestrel", "koala", "lark", "lemur", "lion", "llama", "lynx", "mole", "moose", "moth", "mouse",
    "newt", "orca", "otter", "owl", "ox", "panda", "parrot", "pike", "pony", "puffin", "puma", "quail", "rabbit",
    "ram", "raven", "robin", "salmon", "seal", "shark", "sheep", "shrew", "sloth", "snail", "sparrow", "spider",
    "squid", "stoat", "stork", "swan", "tiger", "toad", "trout", "turtle", "viper", "vole", "wasp", "whale", "wolf",
    "wren", "yak", "zebra",
)
# fmt: on


def run_name(number: int) -> str:
    """Return the name for a number from 0 up; numbers next to each other give names that differ in both words."""
    return f"{ADJECTIVES[number % len(ADJECTIVES)]}-{ANIMALS[number // 7 % len(ANIMALS)]}"


def clean_tags(tags: Iterable[str] | None) -> list[str]:
    """Return the tags as texts without secrets, each once, in order; a single text is one tag."""
    given = [tags] if isinstance(tags, str) else tags or ()
    return list(dict.fromkeys(without_secret_text(str(tag)) for tag in given))
