"""The RSA keys that Flows are encrypted with: made, checked, and their public halves. Loaded only by who needs one."""

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

BITS = 2048  # the only size that Meta takes


def new_key() -> str:
    """A private key, in PEM."""
    key = generate_private_key(public_exponent=65537, key_size=BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def is_key(pem: str) -> bool:
    """Whether this is a private key that Flows can be encrypted for."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnicodeEncodeError):
        return False
    return isinstance(key, RSAPrivateKey) and key.key_size == BITS


def public_half(pem: str) -> str:
    """The public half of a private key, in PEM, as Meta takes it."""
    key = load_pem_private_key(pem.encode(), password=None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
