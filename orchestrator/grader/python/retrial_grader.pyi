"""Decides whether a response answers a mathematical problem correctly."""

from typing import Literal, Optional, Sequence, Union

Extraction = Literal["auto", "boxed", "hashes", "answer_tag"]
Policy = Literal["strict", "lenient"]
Verdict = Literal["correct", "wrong", "no_answer", "unparsed", "timeout"]

class Parsed:
    """A text that was read; false if there is no answer in it."""

    text: str
    answer: Optional[str]
    canonical: Optional[str]
    def __bool__(self) -> bool: ...

class Grade:
    """The outcome of grading one response; true if it is correct."""

    verdict: Verdict
    reason: str
    answer: Optional[str]
    canonical: Optional[str]
    @property
    def correct(self) -> bool: ...
    def __bool__(self) -> bool: ...

def parse(text: str, *, extraction: Extraction = "auto") -> Parsed: ...
def verify(
    gold: Union[str, Parsed],
    response: Union[str, Parsed],
    *,
    extraction: Extraction = "auto",
    policy: Policy = "strict",
) -> bool: ...
def grade(
    gold: Union[str, Parsed],
    response: Union[str, Parsed],
    *,
    extraction: Extraction = "auto",
    policy: Policy = "strict",
) -> Grade: ...
def grade_batch(
    golds: Sequence[str],
    responses: Sequence[str],
    *,
    extraction: Extraction = "auto",
    policy: Policy = "strict",
) -> list[Verdict]: ...
def verify_batch(
    golds: Sequence[str],
    responses: Sequence[str],
    *,
    extraction: Extraction = "auto",
    policy: Policy = "strict",
) -> list[bool]: ...
def explain(
    gold: Union[str, Parsed],
    response: Union[str, Parsed],
    *,
    extraction: Extraction = "auto",
    policy: Policy = "strict",
) -> str: ...
def self_check(gold: str) -> Optional[str]: ...
