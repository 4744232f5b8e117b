"""The command `bailiwick-audit`: the options, words and exit statuses of `bailiwick verify`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import _log
from ._module import ask

#: Exit status of wrong usage and of input that cannot be read.
UNREADABLE = 2


class _Unreadable(Exception):
    """A file that cannot be read."""


def main(arguments: list[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    try:
        answer = ask(_receipt(args) if args.what == "receipt" else _of_log(args))
    except _Unreadable as error:
        print(f"error: {error}\nhelp: check the path", file=sys.stderr)
        return UNREADABLE
    if answer["report"] is None:
        print(answer["text"], file=sys.stderr)
    elif args.json:
        print(answer["report"])
    else:
        sys.stdout.write(answer["text"])
    return answer["status"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bailiwick-audit",
        description="Checks the receipts and the log of a Bailiwick service. Needs only the service's "
        "public key.",
        epilog="Exit status: 0 verified, 1 a check failed, 2 wrong usage or unreadable input, 3 "
        "incomplete.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify", help="check a receipt or a log, offline")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--service-key", metavar="KEY", default=argparse.SUPPRESS,
        help="the service's public key, or its file [default: service.pub]")
    common.add_argument("--json", action="store_true", default=argparse.SUPPRESS,
        help="print JSON instead of text")
    verify.add_argument("--service-key", metavar="KEY", default="service.pub",
        help="the service's public key, or its file [default: service.pub]")
    verify.add_argument("--json", action="store_true", help="print JSON instead of text")
    what = verify.add_subparsers(dest="what", required=True)
    receipt = what.add_parser("receipt", parents=[common],
        help="a receipt, compared with your saved request and response")
    receipt.add_argument("receipt", help="the receipt, as returned by GET /openai/v1/receipts/{request_id}")
    receipt.add_argument("--request", metavar="FILE", help="the body that you sent")
    receipt.add_argument("--response", metavar="FILE",
        help="the body that you received; all bytes of it if it is a stream")
    receipt.add_argument("--log", metavar="FOLDER",
        help="the folder of the log. The log is replayed, and must agree with the receipt")
    receipt.add_argument("--witness", metavar="KEY", action="append", default=[],
        help="verifier key of a witness that must have cosigned; repeat it for each witness")
    log = what.add_parser("log", parents=[common],
        help="a whole log: checks that no entry was changed, and that the service kept every promise in it")
    log.add_argument("folder", help="the folder with `checkpoint` and `tile/`")
    log.add_argument("--request", metavar="ID", action="append", default=[],
        help="id of a request of yours: lists the times at which its record was opened by reviewers, read or "
        "deleted; repeat it for each request")
    log.add_argument("--older", metavar="FILE",
        help="a checkpoint that you saved earlier: the log must continue it")
    log.add_argument("--witness", metavar="KEY", action="append", default=[],
        help="verifier key of a witness that must have cosigned; repeat it for each witness")
    return parser


def _receipt(args: argparse.Namespace) -> list[tuple[str, bytes | str]]:
    fields = [("what", "receipt"), *_service_key(args), ("receipt", _read(args.receipt))]
    for name, path in (("request", args.request), ("response", args.response)):
        if path is not None:
            fields += [(name, _read(path)), (f"{name}Name", path)]
    if args.log is not None:
        fields += _log(args.log)
    return fields + [("witness", key) for key in args.witness]


def _of_log(args: argparse.Namespace) -> list[tuple[str, bytes | str]]:
    fields = [("what", "log"), *_service_key(args), *_log(args.folder)]
    if args.older is not None:
        fields += [("older", _read(args.older)), ("olderName", args.older)]
    fields += [("requestId", request) for request in args.request]
    return fields + [("witness", key) for key in args.witness]


def _service_key(args: argparse.Namespace) -> list[tuple[str, bytes | str]]:
    fields: list[tuple[str, bytes | str]] = [("serviceKey", args.service_key)]
    try:
        fields.append(("serviceKeyFile", Path(args.service_key).read_bytes()))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _Unreadable(f"`--service-key {args.service_key}`: {error.strerror}") from error
    return fields


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise _Unreadable(f"`{path}`: there is no such file") from error
    except OSError as error:
        raise _Unreadable(f"`{path}`: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
