"""How long it takes to receive and verify 1,000 tags, beside 100 in the same run.

``make bench`` prints the figures; the bounds leave room for a busy machine.
"""

import freezegun.api

from odoo.addons.aftersales_parts.tests.common import AftersalesPartsCommon, freeze
from odoo.tests import tagged

FEW = 100
MANY = 1_000
# seconds for all of them, and how much more than linear the larger number may take
BOUND = 30.0
RATIO = 1.5


@freeze
@tagged("post_install", "-at_install")
class TestReturnReceiveSpeed(AftersalesPartsCommon):
    def _ship(self, count, center):
        per_record = 50
        for _record in range(count // per_record):
            self._make_record([self._part(self.pump, quantity=per_record)], center=center)
        document = self._make_return(center=center, user=self.users["clerk"])
        self._approve(document)
        document.action_ship()
        return document.with_user(self.users["logistics"])

    def _measure(self, work):
        """Return the seconds and the queries that ``work`` takes, written to the database."""
        self.env.flush_all()
        self.env.invalidate_all()
        queries, start = self.cr.sql_log_count, freezegun.api.real_perf_counter()
        work()
        self.env.flush_all()
        return freezegun.api.real_perf_counter() - start, self.cr.sql_log_count - queries

    def _receive(self, count, center):
        """Return {step: (seconds, queries)} for a return of ``count`` tags, one of them missing."""
        document = self._ship(count, center)
        names = sorted(document.line_ids.used_part_id.mapped("name"))[1:]
        figures = {
            "data of the screen": self._measure(document.get_receive_data),
            "look-up of strange codes": self._measure(
                lambda: document.find_tags([f"XYZ-{i}" for i in range(count)])
            ),
            "receive": self._measure(lambda: document.action_receive(names)),
            "verify": self._measure(document.action_verify),
        }
        self.assertEqual(document.missing_count, 1)
        self.assertEqual(document.state, "verified")
        return figures

    def test_receive(self):
        """Speed: 1,000 tags in one go cost per tag what 100 cost, with few queries more."""
        other = self._make_center("Other", "91310115MA1K3QXE7G")
        few = self._receive(FEW, other)
        many = self._receive(MANY, self.center)
        print()
        for step, (seconds, queries) in many.items():
            before, queries_before = few[step]
            print(
                f"{step}: {MANY} tags {seconds:.2f} s and {queries} queries, "
                f"{FEW} tags {before:.2f} s and {queries_before} queries"
            )
        for step in ("receive", "verify"):
            self.assertLess(many[step][0], BOUND)
            self.assertLess(many[step][0] / few[step][0], MANY / FEW * RATIO, step)
        for step in ("data of the screen", "look-up of strange codes", "verify"):
            # of so many records core reads and writes some in portions of 1,000 and 100
            self.assertLess(many[step][1], few[step][1] * 3, step)
