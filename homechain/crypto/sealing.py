"""Secrets under a passphrase: Argon2id (RFC 9106) and XSalsa20-Poly1305 (NaCl's secretbox).

May live here: turning a secret into locked bytes and back. May not: files, prompts, randomness
(the caller brings salt and nonce, and never the same nonce twice).

The locked form is a JSON object, all members required, binary ones base64url without padding:
    {"format":"homechain-sealed","version":1,"kdf":"argon2id","ops_limit":3,
     "mem_limit":67108864,"salt":"…16 bytes…","nonce":"…24 bytes…","box":"…"}
The key is Argon2id(passphrase in NFC and UTF-8, salt, ops_limit, mem_limit in bytes), 32 bytes.
"""

import unicodedata
from typing import Final, Literal

import msgspec
from nacl.exceptions import CryptoError as SodiumError
from nacl.pwhash import argon2id
from nacl.secret import SecretBox

from homechain.crypto.errors import InvalidEncoding, InvalidSealing, MalformedJson, WrongPassphrase
from homechain.crypto.hashing import b64u, unb64u
from homechain.crypto.strict_json import decode_strict

OPS_LIMIT: Final = 3
MEM_LIMIT: Final = 64 * 1024 * 1024
"""Bytes. With three passes, RFC 9106 section 4's choice for machines with little memory."""

SALT_BYTES: Final = argon2id.SALTBYTES
NONCE_BYTES: Final = SecretBox.NONCE_SIZE

MAX_OPS_LIMIT: Final = 16
MIN_MEM_LIMIT: Final = 8 * 1024
MAX_MEM_LIMIT: Final = 1024 * 1024 * 1024
MAX_SECRET_BYTES: Final = 4096
MAX_SEALED_BYTES: Final = 8192
MAX_PASSPHRASE_BYTES: Final = 1024


class _Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["homechain-sealed"]
    version: Literal[1]
    kdf: Literal["argon2id"]
    ops_limit: int
    mem_limit: int
    salt: str
    nonce: str
    box: str


def lock_secret(
    secret: bytes,
    *,
    passphrase: str,
    salt: bytes,
    nonce: bytes,
    ops_limit: int = OPS_LIMIT,
    mem_limit: int = MEM_LIMIT,
) -> bytes:
    """Return `secret` locked under `passphrase`, as the JSON that the module describes.

    `salt` has 16 and `nonce` 24 fresh random bytes; `mem_limit` is in bytes. Takes as long and as
    much memory as the limits say. Raises `InvalidSealing` for anything out of bounds.
    """
    if len(secret) > MAX_SECRET_BYTES:
        raise InvalidSealing(f"a secret has at most {MAX_SECRET_BYTES} bytes")
    password = _password(passphrase)
    if not 1 <= len(password) <= MAX_PASSPHRASE_BYTES:
        raise InvalidSealing(f"a passphrase has 1 to {MAX_PASSPHRASE_BYTES} bytes")
    box = _box(password, salt=salt, nonce=nonce, ops_limit=ops_limit, mem_limit=mem_limit)
    return msgspec.json.encode(
        _Sealed(
            format="homechain-sealed",
            version=1,
            kdf="argon2id",
            ops_limit=ops_limit,
            mem_limit=mem_limit,
            salt=b64u(salt),
            nonce=b64u(nonce),
            box=b64u(box.encrypt(secret, nonce).ciphertext),
        )
    )


def unlock_secret(blob: bytes, passphrase: str) -> bytes:
    """Return the secret in `blob`.

    Raises `WrongPassphrase` if the passphrase is another one or a byte was changed, and
    `InvalidSealing` if this is no locked secret or asks for more work than the limits allow.
    """
    if len(blob) > MAX_SEALED_BYTES:
        raise InvalidSealing(f"a locked secret has at most {MAX_SEALED_BYTES} bytes")
    try:
        sealed = msgspec.convert(decode_strict(blob), _Sealed)
        salt, nonce, ciphertext = (unb64u(t) for t in (sealed.salt, sealed.nonce, sealed.box))
    except (MalformedJson, InvalidEncoding, msgspec.ValidationError) as error:
        raise InvalidSealing(f"not a locked secret: {error}") from error
    password = _password(passphrase)
    if not 1 <= len(password) <= MAX_PASSPHRASE_BYTES:
        raise WrongPassphrase("no secret is locked under a passphrase of this length")
    box = _box(
        password,
        salt=salt,
        nonce=nonce,
        ops_limit=sealed.ops_limit,
        mem_limit=sealed.mem_limit,
    )
    try:
        return box.decrypt(ciphertext, nonce)
    except SodiumError as error:
        raise WrongPassphrase("the passphrase does not open this secret") from error


def _password(passphrase: str) -> bytes:
    # One passphrase typed on two keyboards may arrive composed or decomposed (RFC 8265, 4.2).
    return unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")


def _box(
    password: bytes, *, salt: bytes, nonce: bytes, ops_limit: int, mem_limit: int
) -> SecretBox:
    # The limits stand in the file, so without bounds a prepared file could exhaust the machine.
    if not 1 <= ops_limit <= MAX_OPS_LIMIT or not MIN_MEM_LIMIT <= mem_limit <= MAX_MEM_LIMIT:
        raise InvalidSealing("the limits of the key derivation are out of bounds")
    if len(salt) != SALT_BYTES or len(nonce) != NONCE_BYTES:
        raise InvalidSealing(f"salt and nonce have {SALT_BYTES} and {NONCE_BYTES} bytes")
    key = argon2id.kdf(SecretBox.KEY_SIZE, password, salt, opslimit=ops_limit, memlimit=mem_limit)
    return SecretBox(key)
