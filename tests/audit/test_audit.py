"""The wheel: it judges the vectors as their names say, and its API checks single proofs."""

import base64
import hashlib
import unittest
from pathlib import Path

import bailiwick_audit as audit

VECTORS = Path(__file__).parents[2] / "crates/tlog/vectors"
KEY = (VECTORS / "service.pub").read_text()


def vectors(kind):
    for file in sorted((VECTORS / kind).iterdir()):
        lines = file.read_text().splitlines()
        data = bytes.fromhex("".join(line for line in lines if not line.startswith("#")))
        yield file.name, data, file.name.startswith("good-")


def accepts(check):
    try:
        return bool(check())
    except audit.AuditError as error:
        assert error.message and error.help and error.text.startswith("error: ")
        return False


class Vectors(unittest.TestCase):
    def judge(self, kind, check):
        seen = {True: 0, False: 0}
        for name, data, good in vectors(kind):
            with self.subTest(name):
                self.assertEqual(accepts(lambda: check(data)), good)
            seen[good] += 1
        self.assertTrue(seen[True] and seen[False], seen)

    def test_receipts(self):
        self.judge("receipt", lambda data: audit.verify_receipt(KEY, data))

    def test_checkpoints(self):
        self.judge("checkpoint", lambda data: audit.verify_checkpoint(KEY, data))

    def test_keys(self):
        note = dict((name, data) for name, data, _ in vectors("checkpoint"))["good-stored.hex"]
        self.judge("verifier-key", lambda data: audit.verify_checkpoint(data, note))


class Reports(unittest.TestCase):
    def setUp(self):
        receipts = {name: data for name, data, _ in vectors("receipt")}
        self.receipt = receipts["good-stored.hex"]
        notes = {name: data for name, data, _ in vectors("checkpoint")}
        self.note = notes["good-stored.hex"].decode()

    def test_a_report_says_what_the_receipt_contains(self):
        report = audit.verify_receipt(KEY, self.receipt)
        self.assertEqual((report.verdict, report.status), ("verified", 0))
        self.assertTrue(report.text.startswith("VERIFIED: "))
        self.assertEqual(report.data["schema"], "bailiwick/verify/1")
        self.assertTrue(report.data["receipt"]["request"].startswith("req_"))

    def test_another_body_is_found(self):
        report = audit.verify_receipt(KEY, self.receipt, request=b"another")
        self.assertEqual((report.verdict, bool(report)), ("failed", False))
        self.assertIn("`request` is not the request's body", report.text)

    def test_a_log_without_a_checkpoint_cannot_be_read(self):
        with self.assertRaisesRegex(audit.AuditError, "there is no `checkpoint`"):
            audit.verify_log(KEY, {})

    def test_a_log_that_lacks_files_is_incomplete(self):
        report = audit.verify_log(KEY, {"checkpoint": self.note.encode()})
        self.assertEqual((report.verdict, report.status), ("incomplete", 3))

    def test_a_witness_that_did_not_sign_is_found(self):
        key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        with self.assertRaisesRegex(audit.AuditError, "not the key of a witness"):
            audit.verify_checkpoint(KEY, self.note, witnesses=[key])
        with self.assertRaises(TypeError):
            audit.verify_checkpoint(KEY, self.note, witnesses=key)

    def test_proofs_are_checked(self):
        size = int(self.note.split("\n")[1])
        root = base64.b64decode(self.note.split("\n")[2])
        self.assertGreater(size, 0)
        wrong = audit.verify_inclusion(KEY, self.note, 0, b"no entry", [hashlib.sha256(root).digest()])
        self.assertEqual(wrong.verdict, "failed")
        self.assertIn("the proof does not show that entry 0", wrong.text)
        same = audit.verify_consistency(KEY, self.note, self.note, [])
        self.assertTrue(same, same.text)
        longer = audit.verify_consistency(KEY, self.note, self.note, [root])
        self.assertEqual(longer.verdict, "failed")


if __name__ == "__main__":
    unittest.main()
