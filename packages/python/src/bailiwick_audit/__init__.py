"""Checks the receipts and the log of a Bailiwick service, with its public key alone.

Each function returns a `Report`, or raises `AuditError` when the input cannot be read. The checks are
WebAssembly: the same code as `bailiwick verify`, with the same words.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from ._module import ask

__all__ = [
    "AuditError",
    "Report",
    "verify_checkpoint",
    "verify_consistency",
    "verify_inclusion",
    "verify_log",
    "verify_receipt",
]

#: A log: a folder, or its files by their paths (`checkpoint`, `tile/…`).
Log = Union[str, "os.PathLike[str]", Mapping[str, bytes]]


@dataclass(frozen=True)
class Report:
    """What was found."""

    #: `verified`, `failed` or `incomplete`.
    verdict: str
    #: The exit status of `bailiwick verify`: 0, 1 or 3.
    status: int
    #: What `bailiwick verify` prints.
    text: str
    #: What `bailiwick verify --json` prints: the checks, and what the receipt or the log contains.
    data: dict

    def __bool__(self) -> bool:
        """Whether every check passed."""
        return self.verdict == "verified"


class AuditError(Exception):
    """The input cannot be read, or is another service's: nothing was found out."""

    def __init__(self, message: str, help: str, text: str):
        super().__init__(f"{message} ({help})")
        #: What is wrong.
        self.message = message
        #: What to do about it.
        self.help = help
        #: Both, as `bailiwick verify` prints them.
        self.text = text


def verify_receipt(
    service_key: str,
    receipt: bytes,
    *,
    request: bytes | None = None,
    response: bytes | None = None,
    log: Log | None = None,
    witnesses: Iterable[str] = (),
) -> Report:
    """Checks a receipt; with `request` and `response` that it is about these bodies, and with `log` that
    the log says the same."""
    fields = [("receipt", receipt), *_witnesses(witnesses)]
    if request is not None:
        fields.append(("request", request))
    if response is not None:
        fields.append(("response", response))
    if log is not None:
        fields += _log(log)
    return _check("receipt", service_key, fields)


def verify_log(
    service_key: str,
    log: Log,
    *,
    older: bytes | str | None = None,
    requests: Iterable[str] = (),
    witnesses: Iterable[str] = (),
) -> Report:
    """Replays a whole log. `older` is a checkpoint that was saved earlier: the log must continue it.
    `requests` are ids: the report lists when their records were looked at, read or deleted."""
    fields = [*_log(log), *_witnesses(witnesses)]
    fields += [("requestId", request) for request in requests]
    if older is not None:
        fields.append(("older", older))
    return _check("log", service_key, fields)


def verify_checkpoint(
    service_key: str, checkpoint: str, *, witnesses: Iterable[str] = ()
) -> Report:
    """Checks that the service signed a checkpoint, and that each witness cosigned it."""
    return _check("checkpoint", service_key, [("checkpoint", checkpoint), *_witnesses(witnesses)])


def verify_inclusion(
    service_key: str, checkpoint: str, index: int, entry: bytes, proof: Iterable[bytes]
) -> Report:
    """Checks that an entry is in the log, at this place. `proof` is the hashes from the leaf to the
    root (RFC 9162, section 2.1.3)."""
    fields = [("checkpoint", checkpoint), ("index", str(index)), ("entry", entry)]
    return _check("inclusion", service_key, [*fields, ("proof", b"".join(proof))])


def verify_consistency(
    service_key: str, older: str, newer: str, proof: Iterable[bytes]
) -> Report:
    """Checks that a newer checkpoint continues an older one. `proof` is the hashes of the consistency
    proof (RFC 9162, section 2.1.4)."""
    fields = [("older", older), ("checkpoint", newer), ("proof", b"".join(proof))]
    return _check("consistency", service_key, fields)


def _check(what: str, service_key: str, fields: Iterable[tuple[str, bytes | str]]) -> Report:
    answer = ask([("what", what), ("serviceKey", service_key), *fields])
    if answer["report"] is None:
        raise AuditError(answer["error"], answer["help"], answer["text"])
    data = json.loads(answer["report"])
    return Report(data["verdict"], answer["status"], answer["text"], data)


def _witnesses(keys: Iterable[str]) -> list[tuple[str, str]]:
    if isinstance(keys, str):
        raise TypeError("witnesses is a list of keys; put a single key in a list")
    return [("witness", key) for key in keys]


def _log(log: Log) -> list[tuple[str, bytes | str]]:
    if isinstance(log, Mapping):
        return [("logName", "log"), *((f"file:{path}", data) for path, data in log.items())]
    folder = Path(log)
    fields: list[tuple[str, bytes | str]] = [("logName", str(log))]
    found = [folder / "checkpoint", *sorted((folder / "tile").rglob("*"))]
    for file in found:
        if file.is_file():
            path = file.relative_to(folder).as_posix()
            fields.append((f"file:{path}", file.read_bytes()))
    return fields
