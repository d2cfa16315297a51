from psycopg2.errors import LockNotAvailable, SerializationFailure

from odoo import fields
from odoo.exceptions import ConcurrencyError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ConcurrencyCommon, freeze

OCTOBER = fields.Date.to_date("2026-10-01")


@freeze
@tagged("post_install", "-at_install")
class TestSettlementConcurrency(ConcurrencyCommon):
    """Two people who make the lists of a month at the same moment make them once (M8.3)."""

    def setUp(self):
        super().setUp()
        data = self.data
        data._make_record([data._part(data.pump), data._scrap(data.seal)])
        self._commit()

    def _generate(self, model):
        lists = model._generate(OCTOBER, self.data.center, ["parts"], self.data._in_time())
        model.env.flush_all()
        return lists

    def _start(self, number):
        """Return the model as that many people see it, each with a snapshot taken now."""
        return [
            self._as("clerk", self.data.center).env["aftersales.settlement"] for _i in range(number)
        ]

    @mute_logger("odoo.sql_db")
    def test_made_once(self):
        """M8.3: who begins meanwhile waits, or tries again, and finds the first one's list."""
        first, at_once, late = self._start(3)
        made = self._generate(first)
        with self.assertRaises(LockNotAvailable):
            self._generate(at_once)
        at_once.env.cr.rollback()
        first.env.cr.commit()
        with self.assertRaises(ConcurrencyError):
            self._generate(late)
        late.env.cr.rollback()
        late.env.invalidate_all()
        found = self._generate(late)
        self.assertEqual(found.ids, made.ids)
        self.assertEqual(found.amount_claimed, 3266)
        self.assertEqual(len(found.line_ids), 2)

    @mute_logger("odoo.sql_db")
    def test_made_once_for_corrections(self):
        """L1.7, M8.3: a list that is made for a ruling alone is made once, too.

        By hand: of the pump's 3146.00, 100.00 were paid too little.
        """
        data = self.data
        (model,) = self._start(1)
        october = self._generate(model)
        october.env.cr.commit()
        october = data.env["aftersales.settlement"].browse(october.ids)
        data._settle(october)
        pump = october.line_ids.filtered(lambda line: line.product_id == data.pump)
        self.env["aftersales.settlement.correction"].create(
            {"origin_line_id": pump.id, "kind": "ruling", "amount": 100, "reason": "Counted wrong"}
        )
        self._commit()

        def generate(model):
            november = fields.Date.to_date("2026-11-01")
            lists = model._generate(november, data.center, ["parts"], data._in_time("2026-11-01"))
            model.env.flush_all()
            return lists

        first, late = self._start(2)
        # a snapshot that doesn't know the first one's list
        late.search_count([])
        made = generate(first)
        first.env.cr.commit()
        with self.assertRaises(ConcurrencyError):
            generate(late)
        late.env.cr.rollback()
        late.env.invalidate_all()
        self.assertEqual(generate(late).ids, made.ids)
        self.assertEqual((made.direction, made.amount_claimed), ("payable", 100))

    @mute_logger("odoo.sql_db")
    def test_completed_once(self):
        """M8.3: nor do two people put the same part on a draft twice; a list is filed or added to.

        By hand: 3146.00 + 120.00, and the second pump of 3146.00 once.
        """
        (made,) = (self._generate(model) for model in self._start(1))
        made.env.cr.commit()
        data = self.data
        data._make_record([data._part(data.pump)])
        self._commit()
        first, at_once, late = self._start(3)
        self._generate(first)
        with self.assertRaises(ConcurrencyError):
            self._generate(at_once)
        at_once.env.cr.rollback()
        first.env.cr.commit()
        with self.assertRaises(SerializationFailure):
            self._generate(late)
        late.env.cr.rollback()
        late.env.invalidate_all()
        self.assertEqual(self._generate(late).amount_claimed, 6412)
