"""The code that a class types, and the token that makes a browser the teacher's.

The code is made from the token, slowly. So a server that starts anew, and knows nothing, can tell who may open a code again: whoever
has the token. Nobody finds a token for a code by trying: one try takes some milliseconds, and there are 900 million codes.
"""

from __future__ import annotations

import hashlib
import re
import secrets

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no 0 and O, no 1, I and L
LENGTH = 6
# Several processes behind one proxy: the signs with which the codes of this one begin, by which the proxy finds it. See deploy/nginx.conf.
LETTERS_VARIABLE = "GLASS_ROOM_LETTERS"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")  # 128 bits
_SALT = b"glass-gpt class"


def new_token() -> str:
    """A teacher's token: 128 random bits, as text for an address."""
    return secrets.token_urlsafe(16)


def new_epoch() -> str:
    """A name for one life of a room: one that is opened again under its code has another."""
    return secrets.token_hex(4)


def is_token(text: object) -> bool:
    """Whether it has the form of a token."""
    return isinstance(text, str) and bool(_TOKEN.fullmatch(text))


def code_of(token: str) -> str:
    """The code of the class that this token opens; takes some milliseconds."""
    number = int.from_bytes(hashlib.scrypt(token.encode(), salt=_SALT, n=2**12, r=8, p=1, dklen=16), "big")
    signs = []
    for _ in range(LENGTH):
        number, rest = divmod(number, len(ALPHABET))
        signs.append(ALPHABET[rest])
    return "".join(signs)


def own_signs(text: str) -> str:
    """The signs with which codes of this process begin, all where none are set. Raises ValueError for others than codes are made of."""
    signs = text.strip().upper() or ALPHABET
    if wrong := sorted(set(signs) - set(ALPHABET)):
        raise ValueError(f"{LETTERS_VARIABLE} holds {wrong[0]!r}; codes are made of {ALPHABET}")
    return signs


def digest(token: str) -> bytes:
    """What the server keeps of a token."""
    return hashlib.sha256(token.encode()).digest()


def read_code(text: object) -> str:
    """A code as somebody typed it, small letters, spaces and hyphens too; "" for what is none."""
    if not isinstance(text, str) or len(text) > 20:
        return ""
    code = re.sub(r"[\s-]", "", text).upper()
    return code if len(code) == LENGTH and all(sign in ALPHABET for sign in code) else ""
