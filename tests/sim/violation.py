"""What a world ends with when a rule was broken."""


class Violation(Exception):
    """`rule` as of replication.md (I1 to I20); the sentence says what was seen."""

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(rule, sentence)
        self.rule = rule
        self.sentence = sentence

    def __str__(self) -> str:
        return f"{self.rule}: {self.sentence}"


def fail_if(rule: str, problem: str | None) -> None:
    if problem:
        raise Violation(rule, problem)
