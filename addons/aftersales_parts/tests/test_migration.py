from odoo.exceptions import UserError
from odoo.modules.migration import load_script
from odoo.tests import tagged
from odoo.tools import SQL, file_path

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestMigration(AftersalesPartsCommon):
    """Returns are put into the shape of the previous release; the script brings them up again."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = file_path("aftersales_parts/migrations/19.0.1.2.0/post-approval.py")
        cls.script = load_script(path, "post-approval")

    def setUp(self):
        super().setUp()
        self._make_record([self._part(self.pump)])
        self.document = self._make_return()

    def _hash_as_before(self):
        self.env.flush_all()
        self.cr.execute(
            SQL(
                "UPDATE aftersales_return SET approval_digest = %s WHERE id = %s",
                self.document._get_content_digest(self.script.SPEC),
                self.document.id,
            )
        )
        self.env.invalidate_all()

    def _migrate(self):
        for _twice in range(2):
            self.env.flush_all()
            self.script.migrate(self.cr, "19.0.1.1.0")
            self.env.invalidate_all()

    def test_approved_return_ships(self):
        """L2.4: what was approved under the previous release is still approved."""
        self._approve(self.document)
        self._hash_as_before()
        self.assertFalse(self.document._is_approved(), "the content has more fields now")
        self._migrate()
        self.assertTrue(self.document._is_approved())
        self.document.action_ship()
        self.assertEqual(self.document.state, "shipped")

    def test_submitted_return_is_decided(self):
        """L2.4: what waited for a decision before the update is decided on after it."""
        self.document.action_submit()
        self._hash_as_before()
        self._migrate()
        self.document.with_user(self.users["office_manager"]).action_approve()
        self.document.with_user(self.users["customer_service"]).action_approve()
        self.assertTrue(self.document._is_approved())

    def test_changed_return_stays_void(self):
        """L2.4: what was changed behind the approval isn't approved by the update."""
        self._approve(self.document)
        self._hash_as_before()
        self.cr.execute(
            SQL("UPDATE aftersales_return SET reason = 'Changed' WHERE id = %s", self.document.id)
        )
        self.env.invalidate_all()
        self._migrate()
        self.assertFalse(self.document._is_approved())
        with self.assertRaises(UserError), self.cr.savepoint():
            self.document.action_ship()


@freeze
@tagged("post_install", "-at_install")
class TestUsedPartMigration(AftersalesPartsCommon):
    """Tags are put into the shape of the previous release; the scripts bring them up again."""

    def _migrate(self):
        for _twice in range(2):
            for name in ("pre", "post"):
                path = file_path(f"aftersales_parts/migrations/19.0.1.3.0/{name}-used-part.py")
                load_script(path, f"{name}-used-part").migrate(self.cr, "19.0.1.2.0")
                self.env.flush_all()
            self.env.invalidate_all()

    def test_life_of_earlier_tags(self):
        """M10.3: tags of the previous release get keeper, result and the life known of them."""
        record = self._make_record(
            [self._part(self.pump, quantity=3), self._part(self.gearbox), self._scrap(self.seal)]
        )
        tags = record.used_part_ids.sorted("name")
        reason = self.env.ref("aftersales_parts.deduction_reason_D02")
        document = self._return_parts(missing=[tags[2].name], deductions={tags[1].name: reason.id})
        kept = self._make_record([self._part(self.pump)]).used_part_ids
        self.env.flush_all()
        self.cr.execute(SQL("DELETE FROM aftersales_used_part_event"))
        self.cr.execute(SQL("ALTER TABLE aftersales_used_part DROP keeper_id, DROP result"))
        self.env.invalidate_all()
        self._migrate()
        tags += kept
        self.assertEqual(tags.keeper_id, self.center)
        self.assertEqual(
            tags.mapped("result"), ["accepted", "deducted", False, "accepted", False, False]
        )
        self.assertEqual(
            [tag.event_ids.mapped("event") for tag in tags],
            [
                ["removed", "shipped", "received", "accepted"],
                ["removed", "shipped", "received", "deducted"],
                ["removed", "shipped"],
                ["removed", "shipped", "received", "accepted"],
                ["removed", "scrapped"],
                ["removed"],
            ],
        )
        self.assertEqual(tags[1].event_ids[-1].note, reason.name)
        self.assertEqual(tags[0].event_ids[1].date, document.date_shipped)
        self.assertEqual(tags[0].event_ids.return_id, document)


@freeze
@tagged("post_install", "-at_install")
class TestAnswerMigration(AftersalesPartsCommon):
    def test_answers_of_earlier_returns(self):
        """L2.9, M8.4: what followed for parts of returns that the previous release answered."""
        covered = self._make_record([self._part(self.pump)])
        broken = self._make_record([self._part(self.pump)], done=False)
        broken.write({"responsibility": "customer", "advice": "Keep it clean"})
        self._validate(broken)
        document = self._return_parts()
        document.with_user(self.users["customer_service"]).action_done()
        self.env.flush_all()
        self.cr.execute(
            SQL("UPDATE aftersales_return_line SET outcome = NULL, date_answered = NULL")
        )
        self.env.invalidate_all()
        path = file_path("aftersales_parts/migrations/19.0.1.3.0/post-return_answer.py")
        for _twice in range(2):
            load_script(path, "post-return_answer").migrate(self.cr, "19.0.1.2.0")
            self.env.invalidate_all()
        self.assertEqual(
            {line.record_id: line.outcome for line in document.line_ids},
            {covered: "settlement", broken: "uncovered"},
        )
        self.assertEqual(set(document.line_ids.mapped("date_answered")), {document.date_answered})


@freeze
@tagged("post_install", "-at_install")
class TestReturnMigration(AftersalesPartsCommon):
    def test_quantities_and_arrival_of_earlier_returns(self):
        """L2.8: tags of the previous release get quantities, difference and day of arrival."""
        tags = self._make_record([self._part(self.pump, quantity=2)]).used_part_ids.sorted("name")
        document = self._return_parts(missing=[tags[1].name])
        self.env.flush_all()
        self.cr.execute(
            SQL(
                "UPDATE aftersales_return_line SET quantity_shipped = 0, quantity_received = 0, "
                "difference = 0, date_received = NULL"
            )
        )
        self.cr.execute(SQL("UPDATE aftersales_return SET date_received_last = NULL"))
        self.env.invalidate_all()
        path = file_path("aftersales_parts/migrations/19.0.1.3.0/post-return.py")
        for _twice in range(2):
            load_script(path, "post-return").migrate(self.cr, "19.0.1.2.0")
            self.env.invalidate_all()
        self.assertEqual(
            [
                (line.quantity_shipped, line.quantity_received, line.difference, line.date_received)
                for line in document.line_ids.sorted("id")
            ],
            [(1, 1, 0, document.date_received), (1, 0, -1, False)],
        )
        self.assertEqual(document.date_received_last, document.date_received)


@freeze
@tagged("post_install", "-at_install")
class TestEarlierReturns(AftersalesPartsCommon):
    """Returns are put into the shape of 19.0.1.2.0; the scripts bring them up again."""

    def _load(self, name):
        path = f"aftersales_parts/migrations/19.0.1.3.0/post-{name}.py"
        return load_script(file_path(path), f"post-{name}")

    def _migrate(self, name):
        for _twice in range(2):
            self.env.flush_all()
            self._load(name).migrate(self.cr, "19.0.1.2.0")
            self.env.flush_all()
            self.env.invalidate_all()

    def _sql(self, query, *args):
        self.env.flush_all()
        self.cr.execute(SQL(query, *args))
        self.env.invalidate_all()

    def _hash_as_before(self, document, product_id=None, quantity=None):
        digest = self._load("return")._get_old_digest(document, product_id, quantity)
        self._sql(
            "UPDATE aftersales_return SET approval_digest = %s WHERE id = %s", digest, document.id
        )

    def test_approved_return_ships(self):
        """L2.4: what was approved under the previous release is still approved."""
        self._make_record([self._part(self.pump)])
        document = self._make_return()
        self._approve(document)
        self._hash_as_before(document)
        self.assertFalse(document._is_approved(), "the content is another now")
        self._migrate("return")
        self.assertTrue(document._is_approved())
        document.action_ship()
        self.assertEqual(document.state, "shipped")

    def test_changed_return_stays_void(self):
        """L2.4: what was changed behind the approval isn't approved by the update."""
        self._make_record([self._part(self.pump)])
        document = self._make_return()
        self._approve(document)
        self._hash_as_before(document)
        self._sql("UPDATE aftersales_return SET reason = 'Changed' WHERE id = %s", document.id)
        self._migrate("return")
        self.assertFalse(document._is_approved())
        with self.assertRaises(UserError), self.cr.savepoint():
            document.action_ship()

    def test_answered_by_verification(self):
        """L2.10: a verified return was answered; its parts went to the settlement."""
        self._make_record([self._part(self.pump)])
        document = self._return_parts()
        self._sql(
            "UPDATE aftersales_return SET date_verified = NULL, date_answered = NULL WHERE id = %s",
            document.id,
        )
        self._sql(
            "UPDATE aftersales_return_line SET outcome = NULL, is_verified = NULL "
            "WHERE return_id = %s",
            document.id,
        )
        for name in ("inspection", "return", "return_answer"):
            self._migrate(name)
        self.assertEqual(document.state, "done")
        self.assertTrue(document.date_answered)
        self.assertEqual(document.date_verified, document.date_answered)
        line = document.line_ids
        self.assertEqual(line.date_answered, document.date_answered)
        self.assertEqual((line.outcome, line.is_verified), ("settlement", True))

    def test_warning_goes_to_customer_service(self):
        """L2.10: customer service answers now and is warned; a company's own choice stays."""
        rule = self.env.ref("aftersales_parts.deadline_rule_return_answered")
        service = self.env.ref("aftersales_service.group_customer_service")
        rule.warning_group_id = self.env.ref("aftersales_service.group_quality")
        self._migrate("return_answer")
        self.assertEqual(rule.warning_group_id, service)
        own = self.env.ref("aftersales_service.group_vp")
        rule.warning_group_id = own
        self._migrate("return_answer")
        self.assertEqual(rule.warning_group_id, own)

    def test_verdicts_stay_fixed(self):
        """M8.4: verified lines are so after the update; what had not come isn't."""
        tags = self._make_record([self._part(self.pump, quantity=2)]).used_part_ids.sorted("name")
        document = self._return_parts(missing=[tags[1].name])
        self._sql(
            "UPDATE aftersales_return_line SET is_verified = NULL WHERE return_id = %s", document.id
        )
        self._migrate("inspection")
        lines = document.line_ids.sorted(lambda line: line.used_part_id.name)
        self.assertEqual(lines.mapped("is_verified"), [True, False])

    def test_register_of_shipped_returns(self):
        """L2.5: shipping issued the register; what was not shipped has none."""
        self._make_record([self._part(self.pump)])
        document = self._return_parts()
        self._make_record([self._part(self.pump)])
        draft = self._make_return(month="2026-12-01")
        self._sql(
            "UPDATE aftersales_return SET date_register = NULL WHERE id IN %s",
            (document.id, draft.id),
        )
        self._migrate("register")
        self.assertEqual(document.date_register, document.date_shipped)
        self.assertFalse(draft.date_register)
