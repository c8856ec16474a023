"""The cryptography of pairing: the code, one SPAKE2 exchange, and the keys that it yields.

May live here: arithmetic on bytes. May not: sockets, or what is said under the keys. Every value
depends on the transcript, so nothing of one exchange is worth anything in another.
"""

import hmac
from hashlib import sha256 as new_sha256
from typing import Final, Literal

from nacl.exceptions import CryptoError as SodiumError
from nacl.secret import SecretBox
from spake2 import SPAKE2_A, SPAKE2_B, SPAKEError

from homechain.crypto.errors import InvalidKey
from homechain.crypto.hashing import sha256
from homechain.crypto.keys import PublicKey
from homechain.mesh.errors import PairingFailed
from homechain.node.ports import Randomness

CODE_DIGITS: Final = 8
"""20 tries before the pause: one chance in five million."""
_PURPOSE: Final = b"homechain-pairing-1\x00"
# Each box key seals exactly one message, so the nonce has nothing to tell apart.
_NONCE: Final = bytes(SecretBox.NONCE_SIZE)


def make_code(randomness: Randomness) -> str:
    """Return a fresh code as people read it: `1234-5678`."""
    digits = f"{randomness.bits() % 10**CODE_DIGITS:0{CODE_DIGITS}d}"
    return f"{digits[: CODE_DIGITS // 2]}-{digits[CODE_DIGITS // 2 :]}"


def clean_code(code: str) -> str:
    """Return the digits of a typed code; `PairingFailed` unless there are `CODE_DIGITS` of them.

    Spaces and hyphens are how people write; anything else is a mistake that needs no try.
    """
    digits = "".join(character for character in code if character not in " -\t\n")
    if len(digits) != CODE_DIGITS or not (digits.isascii() and digits.isdigit()):
        raise PairingFailed(f"a pairing code has {CODE_DIGITS} digits")
    return digits


def transcript_hash(*messages: bytes) -> bytes:
    """Return 32 bytes that stand for what both sides have said so far."""
    return sha256(_PURPOSE, *(sha256(message) for message in messages))


class Share:
    """One side of one SPAKE2 exchange. Slow (pure Python): make and finish it in a thread."""

    def __init__(
        self, side: Literal["host", "joiner"], *, code: str, home: bytes, host: str, joiner: str
    ) -> None:
        kind = SPAKE2_A if side == "joiner" else SPAKE2_B
        # The names go into the key: an exchange that was relayed under other names fails.
        self._exchange = kind(
            _PURPOSE + code.encode("ascii"),
            idA=_PURPOSE + b"joiner\x00" + home + joiner.encode("ascii"),
            idB=_PURPOSE + b"host\x00" + home + host.encode("ascii"),
        )
        self.message: bytes = self._exchange.start()
        """33 bytes for the other side."""

    def finish(self, others_message: bytes) -> bytes:
        """Return the 32-byte secret; equal on both sides only if the codes are. Usable once.

        Raises `PairingFailed` if the other side's share is no element of the group.
        """
        try:
            # The house's own check of points first: the package's errors are not all of one kind.
            PublicKey.from_bytes(others_message[1:])
            secret: bytes = self._exchange.finish(others_message)
        except (InvalidKey, SPAKEError) as error:
            raise PairingFailed("the other side's share is malformed") from error
        return secret


class SessionKeys:
    """What both sides derive from the secret of one exchange and its transcript."""

    def __init__(self, secret: bytes, *, transcript: bytes) -> None:
        self._secret = secret
        self._transcript = transcript

    def joiners_proof(self) -> bytes:
        """Return 32 bytes by which the joiner proves that it knew the code."""
        return self._derive(b"proof of the joiner")

    def is_joiners_proof(self, mac: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(mac, self.joiners_proof())

    def hosts_proof(self) -> bytes:
        """Return 32 bytes by which the host proves that it knew the code."""
        return self._derive(b"proof of the host")

    def is_hosts_proof(self, mac: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(mac, self.hosts_proof())

    def joiners_statement(self, body: bytes) -> bytes:
        """Return what the joiner signs to prove possession of its key, here and now."""
        return _PURPOSE + b"joiner\x00" + self._transcript + body

    def hosts_statement(self, body: bytes) -> bytes:
        """Return what the host signs to prove possession of its key, here and now."""
        return _PURPOSE + b"host\x00" + self._transcript + body

    def seal_joiners(self, plain: bytes) -> bytes:
        """Seal the joiner's one message (XSalsa20-Poly1305)."""
        return _seal(self._derive(b"box of the joiner"), plain)

    def open_joiners(self, box: bytes) -> bytes:
        """Open it; raises `PairingFailed`."""
        return _open(self._derive(b"box of the joiner"), box)

    def seal_hosts(self, plain: bytes) -> bytes:
        """Seal the host's one message."""
        return _seal(self._derive(b"box of the host"), plain)

    def open_hosts(self, box: bytes) -> bytes:
        """Open it; raises `PairingFailed`."""
        return _open(self._derive(b"box of the host"), box)

    def _derive(self, label: bytes) -> bytes:
        message = _PURPOSE + label + b"\x00" + self._transcript
        return hmac.new(self._secret, message, new_sha256).digest()


def _seal(key: bytes, plain: bytes) -> bytes:
    return SecretBox(key).encrypt(plain, _NONCE).ciphertext


def _open(key: bytes, box: bytes) -> bytes:
    try:
        return SecretBox(key).decrypt(box, _NONCE)
    except SodiumError as error:
        raise PairingFailed("a message was changed on its way") from error
