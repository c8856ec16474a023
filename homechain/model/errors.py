"""Errors of the formats: bytes that are not what they claim to be. Always the sender's fault."""


class FormatError(ValueError):
    """Bytes that do not have the shape of the type they were read as. Says which part is wrong."""


class TooLarge(FormatError):
    """A part is longer than its named limit."""
