"""What can be wrong with bytes that somebody handed to this package: one small tree.

All of it is the sender's (or the typist's) fault; nothing here reports a fault of this machine.
"""


class CryptoError(ValueError):
    """Something handed to `homechain.crypto` was refused; the message says what and why."""


class InvalidKey(CryptoError):
    """The bytes are not an Ed25519 key that this protocol accepts."""


class InvalidDid(CryptoError):
    """The text is not the canonical `did:key` of an Ed25519 key."""


class InvalidEncoding(CryptoError):
    """The text is not canonical base64url without padding."""


class MalformedJson(CryptoError):
    """The bytes are not JSON of the strict kind that records use."""


class MalformedJws(CryptoError):
    """The bytes are not a compact JWS of the one form that records use."""


class InvalidProof(CryptoError):
    """A Merkle or state proof does not lead to the root that it was checked against."""


class InvalidSealing(CryptoError):
    """The bytes are not a locked secret, or ask for more work than is allowed."""


class WrongPassphrase(CryptoError):
    """The passphrase does not open this secret (or the secret was changed)."""
