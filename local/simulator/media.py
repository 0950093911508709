"""Media: uploaded by the business, or attached to what customers send; links that need the token and die."""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from local.simulator.config import Json
from local.simulator.errors import GraphError, invalid, required
from local.simulator.wsgi import Request

DAY = 86400
UPLOADED_DAYS, RECEIVED_DAYS, LINK_SECONDS = 30, 7, 300
DOWNLOAD_PATH = "/whatsapp_business/attachments/"
MB = 1024 * 1024

# what a MIME type starts with: the most bytes Meta takes
LIMITS = (
    ("image/jpeg", 5 * MB), ("image/png", 5 * MB), ("image/webp", 500 * 1024),
    ("video/mp4", 16 * MB), ("video/3gpp", 16 * MB),
    ("audio/aac", 16 * MB), ("audio/amr", 16 * MB), ("audio/mpeg", 16 * MB), ("audio/mp4", 16 * MB),
    ("audio/ogg", 16 * MB), ("audio/opus", 16 * MB),
    ("text/plain", 100 * MB), ("application/pdf", 100 * MB), ("application/msword", 100 * MB),
    ("application/vnd.ms-", 100 * MB), ("application/vnd.openxmlformats-officedocument.", 100 * MB),
)  # fmt: skip

USUAL_TYPE = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "audio": "audio/ogg; codecs=opus",
    "document": "application/pdf",
    "sticker": "image/webp",
}


@dataclass(frozen=True)
class Medium:
    id: str
    phone_number_id: str
    mime_type: str
    content: bytes
    expires_at: float

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.content).digest()


class Media:
    def __init__(self, clock: Callable[[], float], rng: Random) -> None:
        self._clock, self._rng = clock, rng
        self._kept: dict[str, Medium] = {}

    def clear(self) -> None:
        self._kept.clear()

    def get(self, media_id: str) -> Medium | None:
        medium = self._kept.get(media_id)
        return medium if medium is not None and self._clock() < medium.expires_at else None

    def delete(self, media_id: str) -> None:
        self._kept.pop(media_id, None)

    def upload(self, phone_number_id: str, request: Request) -> Medium:
        parts = multipart(request)
        if parts.get("messaging_product", (b"", ""))[0] != b"whatsapp":
            raise required("messaging_product")
        if "file" not in parts:
            raise required("file")
        content, mime_type = parts["file"]
        _check_file(content, mime_type)
        return self._keep(phone_number_id, mime_type, content, UPLOADED_DAYS)

    def received(self, phone_number_id: str, kind: str, mime_type: str | None = None) -> Medium:
        """What a customer attached: made up, but it can be downloaded."""
        content = f"A {kind} from the simulator.".encode()
        return self._keep(phone_number_id, mime_type or USUAL_TYPE[kind], content, RECEIVED_DAYS)

    def describe(self, medium: Medium, base_url: str) -> Json:
        return {
            "url": self.link(medium, base_url),
            "mime_type": medium.mime_type,
            "sha256": medium.digest.hex(),
            "file_size": len(medium.content),
            "id": medium.id,
            "messaging_product": "whatsapp",
        }

    def attachment(self, medium: Medium) -> Json:
        """As it stands in a webhook: here the digest is base64."""
        return {
            "id": medium.id,
            "mime_type": medium.mime_type,
            "sha256": base64.b64encode(medium.digest).decode(),
        }

    def link(self, medium: Medium, base_url: str) -> str:
        expires = int(self._clock()) + LINK_SECONDS
        return f"{base_url}{DOWNLOAD_PATH}?mid={medium.id}&ext={expires}&hash={_seal(medium, expires)}"

    def behind(self, link: dict[str, str]) -> Medium | None:
        """The medium of a link's query, if the link still lives."""
        medium, ext = self.get(link.get("mid", "")), link.get("ext", "")
        if medium is None or not ext.isascii() or not ext.isdigit() or self._clock() >= int(ext):
            return None
        return medium if link.get("hash") == _seal(medium, int(ext)) else None

    def _keep(self, phone_number_id: str, mime_type: str, content: bytes, days: int) -> Medium:
        media_id = str(self._rng.randrange(10**14, 10**15))
        medium = Medium(media_id, phone_number_id, mime_type, content, self._clock() + days * DAY)
        self._kept[media_id] = medium
        return medium


def _seal(medium: Medium, expires: int) -> str:
    return hashlib.sha256(f"{medium.id}/{expires}/{medium.digest.hex()}".encode()).hexdigest()[:32]


def _check_file(content: bytes, mime_type: str) -> None:
    limit = next((limit for prefix, limit in LIMITS if mime_type.startswith(prefix)), None)
    if limit is None:
        raise invalid(
            "Param file must be a file with one of the following types: "
            f"{', '.join(prefix for prefix, _ in LIMITS)}. Received file of type '{mime_type[:64]}'."
        )
    if not content:
        raise invalid("Param file must not be empty.")
    if len(content) > limit:
        raise invalid(f"Param file is too large: {len(content)} bytes, at most {limit} for {mime_type}.")


def multipart(request: Request) -> dict[str, tuple[bytes, str]]:
    """A multipart/form-data body by field name: the content byte for byte, and its MIME type."""
    boundary = re.search(r'boundary="?([^";]+)', request.headers.get("content-type", ""))
    if boundary is None:
        raise GraphError(100, details="A multipart/form-data body is needed.")
    parts: dict[str, tuple[bytes, str]] = {}
    for chunk in (b"\r\n" + request.body).split(b"\r\n--" + boundary[1].encode())[1:]:
        head, separator, content = chunk.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        if separator and name:
            kind = re.search(rb"(?i)content-type:\s*([^\r\n]+)", head)
            parts[name[1].decode(errors="replace")] = (
                content,
                kind[1].decode(errors="replace") if kind else "",
            )
    return parts
