from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import SERVICE, AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestApproval(AftersalesPartsCommon):
    """What the approval mixin promises, attacked on the return, which has two steps and lines."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls.users["office_manager"]
        cls.customer_service = cls.users["customer_service"]
        cls.clerk = cls.users["clerk"]
        cls.all_roles = new_test_user(
            cls.env,
            "parts_all_roles",
            groups=",".join(
                f"{SERVICE}{role}" for role in ("clerk", "office_manager", "customer_service")
            ),
        )
        cls.all_roles.partner_id.parent_id = cls.office

    def setUp(self):
        super().setUp()
        self.tags = self._make_record(
            [self._part(self.pump), self._part(self.gearbox)]
        ).used_part_ids.sorted("name")
        self.document = self._make_return()

    def _submit(self):
        self.document.action_submit()

    def _assert_pending(self):
        self.env.invalidate_all()
        self.assertEqual(self.document.approval_state, "pending")
        self.assertEqual(self.document.approval_ids.mapped("decision"), ["submitted"])

    def _assert_void(self):
        self.env.invalidate_all()
        self.assertEqual(self.document.approval_state, "draft")
        self.assertEqual(self.document.state, "draft")
        self.assertEqual(self.document.approval_ids[0].decision, "void")
        with self.assertRaisesRegex(UserError, "has to be approved first"):
            self.document.action_ship()

    # --- who may decide --------------------------------------------------------------------

    def test_author_may_not_decide(self):
        """L2.4: who wrote on the content decides on no step, even if somebody else applied."""
        self.document.with_user(self.all_roles).reason = "Worn pump"
        self._submit()
        self.assertNotEqual(self.document.requester_id, self.all_roles)
        document = self.document.with_user(self.all_roles)
        self.assertFalse(document.can_decide)
        with self.assertRaisesRegex(AccessError, r"\(worked on it\).*somebody else has to decide"):
            document.action_approve()
        with self.assertRaisesRegex(AccessError, "somebody else has to decide"):
            document.action_refuse("No")
        self._assert_pending()
        self.assertIn("parts_all_roles", self.document.approval_exclusions)

    def test_author_by_line_may_not_decide(self):
        """L2.4: adding, moving and removing a line makes an author of the content, too."""
        line = self.document.line_ids[0]
        line.with_user(self.all_roles).unlink()
        self._submit()
        with self.assertRaisesRegex(AccessError, "worked on it"):
            self.document.with_user(self.all_roles).action_approve()

    def test_author_by_import_may_not_decide(self):
        """L2.4: an import makes an author like any other way of writing."""
        self.env["ir.model.data"].create(
            {
                "module": "test_approval",
                "name": "return",
                "model": "aftersales.return",
                "res_id": self.document.id,
            }
        )
        result = (
            self.env["aftersales.return"]
            .with_user(self.all_roles)
            .load(["id", "reason"], [["test_approval.return", "Imported reason"]])
        )
        self.assertTrue(result["ids"], result["messages"])
        self.assertEqual(self.document.reason, "Imported reason")
        self._submit()
        with self.assertRaisesRegex(AccessError, "worked on it"):
            self.document.with_user(self.all_roles).action_approve()

    def test_creator_may_not_decide(self):
        """L2.4: who made the document doesn't decide on it when somebody else applies."""
        self.document.action_cancel("Again")
        document = self._make_return(user=self.all_roles)
        document.with_user(self.clerk).action_submit()
        with self.assertRaisesRegex(AccessError, "worked on it"):
            document.action_approve()

    def test_author_of_earlier_round_may_not_decide(self):
        """Mistake 9: who wrote in an earlier round is still an author after the next one."""
        self.document.with_user(self.all_roles).reason = "First"
        self._submit()
        self.document.with_user(self.manager).action_refuse("Too vague")
        self.document.reason = "Second"
        self._submit()
        self.assertEqual(self.document.approval_round, 2)
        with self.assertRaisesRegex(AccessError, "worked on it"):
            self.document.with_user(self.all_roles).action_approve()

    def test_other_fields_make_no_author(self):
        """L2.4: noting the waybill is no part of the content and excludes nobody."""
        self.document.with_user(self.all_roles).waybill = "SF1234"
        self._submit()
        self.assertFalse(self.document.approval_author_ids)
        self.document.with_user(self.all_roles).action_approve()
        self.assertEqual(len(self.document.approval_ids), 2)

    def test_authors_cost_no_query_per_line(self):
        """Writing on many lines notes the author once."""
        lines = self.document.line_ids.with_user(self.clerk)
        lines.unlink()
        self.assertEqual(len(self.document.approval_author_ids), 1)
        self.document.with_user(self.clerk).action_collect()
        self.document.with_user(self.clerk).reason = "All of them"
        self.assertEqual(self.document.approval_author_ids.user_id, self.clerk)
        self.assertEqual(len(self.document.approval_author_ids), 1)

    def test_exclusions_are_shown(self):
        """L2.4: the form says who may not decide and why, and who was asked."""
        self.document.with_user(self.clerk).reason = "Worn"
        self._submit()
        exclusions = self.document.approval_exclusions
        self.assertIn(f"{self.users['center'].name} (submitted it)", exclusions)
        self.assertIn(f"{self.clerk.name} (worked on it)", exclusions)
        self.document.with_user(self.manager).action_approve()
        self.assertIn(
            f"{self.manager.name} (has decided already)", self.document.approval_exclusions
        )

    def test_same_person_once_per_round(self):
        """L2.4: nobody decides both steps, nor the same step twice; a new round starts anew."""
        self._submit()
        document = self.document.with_user(self.all_roles)
        document.action_approve()
        with self.assertRaisesRegex(AccessError, "already decided"):
            document.action_approve()
        with self.assertRaisesRegex(AccessError, "already decided"):
            document.action_refuse("Changed my mind")
        self.document.with_user(self.customer_service).action_refuse("No freight payer")
        self._submit()
        document.action_approve()
        self.document.with_user(self.customer_service).action_approve()
        self.assertEqual(self.document.state, "approved")

    def test_without_role(self):
        """L2.5: no other role decides, by RPC either, nor with the rights of the system."""
        self._submit()
        for role in ("center", "clerk", "technician", "logistics", "quality", "vp"):
            for su in (False, True):
                document = self.document.with_user(self.users[role]).sudo(su)
                with self.subTest(role=role, su=su), self.assertRaises(AccessError):
                    document.action_approve()
                with self.subTest(role=role, su=su), self.assertRaises(AccessError):
                    document.action_refuse("No")
        # the order of steps counts for the right role, too
        with self.assertRaisesRegex(AccessError, "which you are not"):
            self.document.with_user(self.customer_service).sudo().action_approve()
        self._assert_pending()

    def test_system_is_no_person(self):
        """L2.5: neither the system's own user nor an archived colleague decides."""
        self._submit()
        with self.assertRaises(AccessError):
            self.document.with_user(self.env.ref("base.user_root")).action_approve()
        self.manager.active = False
        with self.assertRaises(AccessError):
            self.document.with_user(self.manager).action_approve()
        self._assert_pending()

    def test_other_region(self):
        """L2.4: the manager of another region doesn't decide."""
        stranger = new_test_user(self.env, "parts_manager_2", groups=f"{SERVICE}office_manager")
        self._submit()
        for su in (False, True):
            with self.assertRaises(AccessError):
                self.document.with_user(stranger).sudo(su).action_approve()
        self._assert_pending()

    def test_other_company(self):
        """L2.4: an approver of another company decides nothing here, whatever he allows himself."""
        company = self.env["res.company"].create({"name": "Another company"})
        self._submit()
        self.document.with_user(self.manager).action_approve()
        stranger = new_test_user(
            self.env,
            "parts_cs_2",
            groups=f"{SERVICE}customer_service",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )
        for context in ({}, {"allowed_company_ids": (self.company | company).ids}):
            for su in (False, True):
                document = self.document.with_user(stranger).with_context(**context).sudo(su)
                with self.subTest(context=context, su=su), self.assertRaises(AccessError):
                    document.action_approve()
        self.assertEqual(self.document.approval_state, "pending")
        self.assertNotIn(stranger, self.document.activity_ids.user_id)

    def test_no_steps_no_gate(self):
        """Mistake 9: a document without steps can be neither submitted nor taken for approved."""
        document = self.document
        self.patch(type(document), "_get_approval_steps", lambda record: [])
        with self.assertRaisesRegex(UserError, "Nobody is named"):
            document.action_submit()
        document._write_protected({"state": "approved", "approval_state": "approved"})
        with self.assertRaisesRegex(UserError, "has to be approved first"):
            document.action_ship()

    def test_no_context_opens_the_gate(self):
        """Mistake 9: nothing that a caller puts into the context changes who may decide what."""
        context = {
            "default_state": "approved",
            "default_approval_state": "approved",
            "default_approval_round": 7,
            "default_requester_id": self.clerk.id,
            "_force_unlink": True,
            "install_mode": True,
            "import_file": True,
            "tracking_disable": True,
            "mail_notrack": True,
            "mail_activity_automation_skip": True,
            "tier_validation_skip": True,
            "active_test": False,
        }
        center = self.users["center"]
        self.document.action_cancel("Again")
        document = (
            self.env["aftersales.return"]
            .with_user(center)
            .with_context(**context)
            .create({"center_id": self.center.id, "month": "2026-11-01"})
        )
        self.assertEqual((document.state, document.approval_state), ("draft", "draft"))
        self.assertFalse(document.approval_round)
        self.assertFalse(document.requester_id)
        document.action_collect()
        document.action_submit()
        for call in (document.action_approve, document.action_ship):
            with self.assertRaises(UserError):
                call()
        with self.assertRaises(AccessError):
            document.write({"approval_state": "approved"})
        document.write({"reason": "Changed"})
        self.assertEqual(document.approval_state, "draft")
        with self.assertRaises(UserError):
            document.with_user(self.clerk).unlink()
        self.assertTrue(document.exists())

    def test_own_defaults_open_nothing(self):
        """Mistake 9: a user's own default of a protected field is no way to set it."""
        center = self.users["center"]
        defaults = self.env["ir.default"].with_user(center)
        for name, value in (
            ("state", "approved"),
            ("approval_state", "approved"),
            ("approval_round", 1),
            ("approval_digest", "x"),
            ("requester_id", self.clerk.id),
        ):
            defaults.set("aftersales.return", name, value, user_id=center.id)
        self.document.action_cancel("Again")
        document = (
            self.env["aftersales.return"]
            .with_user(center)
            .create({"center_id": self.center.id, "month": "2026-11-01"})
        )
        self.assertEqual((document.state, document.approval_state), ("draft", "draft"))
        self.assertFalse(document.approval_round)
        self.assertFalse(document.approval_digest)
        self.assertFalse(document.requester_id)

    # --- what was approved -----------------------------------------------------------------

    def test_change_voids(self):
        """L2.4: every field of the content voids the approval, whoever changes it and how."""
        for vals in (
            {"reason": "Other"},
            {"freight_payer": "center"},
            {"is_special": True},
            {"line_ids": [Command.update(self.document.line_ids[0].id, {"reason": "Other"})]},
            {"line_ids": [Command.delete(self.document.line_ids[0].id)]},
        ):
            for approved in (False, True):
                with self.subTest(vals=vals, approved=approved):
                    savepoint = self.cr.savepoint()
                    if approved:
                        self._approve(self.document)
                    else:
                        self._submit()
                    self.document.write(vals)
                    self._assert_void()
                    savepoint.rollback()
                    self.env.invalidate_all()

    def test_change_by_system_voids(self):
        """L2.4: a change that the system makes for a user voids the approval all the same."""
        self._approve(self.document)
        self.document.sudo().write({"reason": "Other"})
        self._assert_void()

    def test_change_by_inverse_voids(self):
        """Mistake 9: taking the line off from the other side, at the tag, voids it, too."""
        self._approve(self.document)
        line = self.document.line_ids[0]
        tag = line.used_part_id
        tag.sudo().write({"return_line_ids": [Command.delete(line.id)]})
        self.assertEqual(len(self.document.line_ids), 1)
        self._assert_void()

    def test_moving_a_line_voids_both(self):
        """L2.4: a line moved to another return voids what it leaves and what it joins."""
        self._approve(self.document)
        self._make_record([self._part(self.pump)])
        other = self._make_return(month="2026-12-01")
        other.action_submit()
        self.assertEqual(other.approval_state, "pending")
        self.document.line_ids[0].return_id = other
        self._assert_void()
        self.assertEqual(other.approval_state, "draft")
        self.assertEqual(other.approval_ids[0].decision, "void")

    def test_change_by_import_voids(self):
        """L2.4: content changed by import after the approval voids it."""
        self._approve(self.document)
        result = (
            self.env["aftersales.return"]
            .with_user(self.clerk)
            .load([".id", "reason"], [[str(self.document.id), "Imported"]])
        )
        self.assertTrue(result["ids"], result["messages"])
        self._assert_void()

    def test_import_sets_no_approval(self):
        """Mistake 9: an import neither approves nor names another requester."""
        self._submit()
        model = self.env["aftersales.return"].with_user(self.clerk)
        for name, value in (
            ("approval_state", "approved"),
            ("state", "approved"),
            ("requester_id/.id", str(self.clerk.id)),
            ("approval_round", "9"),
        ):
            with self.subTest(field=name):
                result = model.load([".id", name], [[str(self.document.id), value]])
                self.assertFalse(result["ids"])
        self._assert_pending()

    def test_change_behind_the_model_is_noticed(self):
        """L2.5: content changed in the database itself is refused at the next decision."""
        self._submit()
        self.document.with_user(self.manager).action_approve()
        self.document.flush_recordset()
        self.cr.execute(
            "UPDATE aftersales_return SET reason = 'Other' WHERE id = %s", [self.document.id]
        )
        self.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "changed after it was submitted"):
            self.document.with_user(self.customer_service).action_approve()

    def test_copy_is_not_approved(self):
        """Mistake 9: the copy of an approved document starts without approval and authors."""
        self.document.with_user(self.clerk).reason = "Worn"
        self._approve(self.document)
        copy = self.document.with_user(self.clerk).copy({"month": "2026-12-01"})
        self.assertEqual((copy.state, copy.approval_state), ("draft", "draft"))
        self.assertFalse(copy.approval_ids)
        self.assertFalse(copy.approval_author_ids)
        self.assertFalse(copy.requester_id)
        with self.assertRaisesRegex(UserError, "has to be approved first"):
            copy.action_ship()

    # --- the log ---------------------------------------------------------------------------

    def _assert_log_kept(self, entries):
        self.env.invalidate_all()
        self.assertEqual(entries.exists(), entries)

    def test_draft_keeps_the_log(self):
        """Mistake 9: refused, voided or cancelled, a document keeps every decision on it."""
        self._submit()
        self.document.with_user(self.manager).action_refuse("Too vague")
        self._submit()
        self.document.reason = "More"
        self._submit()
        self.document.action_cancel("Given up")
        self.assertEqual(
            self.document.approval_ids.sorted("id").mapped("decision"),
            ["submitted", "refused", "submitted", "void", "submitted"],
        )
        self.assertEqual(self.document.approval_ids.sorted("id").mapped("round"), [1, 1, 2, 2, 3])

    def test_document_with_log_is_not_deleted(self):
        """Mistake 9: a document is not deleted with its log, by no role and no context."""
        self._submit()
        self.document.with_user(self.manager).action_refuse("Too vague")
        log = self.document.approval_ids
        administrator = new_test_user(
            self.env, "parts_administrator", groups=f"{SERVICE}administrator,base.group_system"
        )
        for user in (*self.users.values(), administrator):
            for context in ({}, {"_force_unlink": True}):
                with self.subTest(user=user.login), self.assertRaises(UserError):
                    self.document.with_user(user).with_context(**context).unlink()
        with self.assertRaises(UserError):
            self.document.sudo().unlink()
        self._assert_log_kept(log)

    def test_log_not_deleted_by_external_id(self):
        """Mistake 9: an external identifier doesn't let a module take an entry with it."""
        self._submit()
        log = self.document.approval_ids
        data = self.env["ir.model.data"].create(
            {
                "module": "aftersales_parts",
                "name": "forged",
                "model": "aftersales.approval",
                "res_id": log.id,
            }
        )
        with self.assertRaisesRegex(UserError, "can't be deleted"):
            log.sudo().with_context(_force_unlink=True).unlink()
        with self.assertRaises(UserError):
            log.with_user(self.customer_service).with_context(_force_unlink=True).unlink()
        data.unlink()
        self._assert_log_kept(log)

    def test_log_not_forged(self):
        """Mistake 9: no entry is made by hand, nor through the document that it belongs to."""
        self._submit()
        vals = {
            "res_model": "aftersales.return",
            "res_id": self.document.id,
            "round": 1,
            "step": "appraisal",
            "decision": "approved",
            "user_id": self.manager.id,
        }
        administrator = new_test_user(
            self.env, "parts_administrator", groups=f"{SERVICE}administrator,base.group_system"
        )
        for user in (self.clerk, self.manager, self.customer_service, administrator):
            with self.subTest(user=user.login):
                with self.assertRaises(AccessError), self.cr.savepoint():
                    self.env["aftersales.approval"].with_user(user).create(vals)
                with self.assertRaises(AccessError), self.cr.savepoint():
                    self.document.with_user(user).write({"approval_ids": [Command.create(vals)]})
                for command in (Command.delete, Command.unlink):
                    with self.assertRaises(UserError), self.cr.savepoint():
                        self.document.with_user(user).write(
                            {"approval_ids": [command(self.document.approval_ids.id)]}
                        )
                with self.assertRaises(UserError), self.cr.savepoint():
                    self.document.with_user(user).write(
                        {
                            "approval_author_ids": [
                                Command.create(
                                    {
                                        "res_model": "aftersales.return",
                                        "res_id": self.document.id,
                                        "user_id": self.manager.id,
                                    }
                                )
                            ]
                        }
                    )
        self._assert_pending()

    def test_article_of_a_decision_is_kept(self):
        """Mistake 9: deleting the article or the colleague can't empty a field of the log."""
        article = self.env["aftersales.regulation"].create({"code": "T9", "name": "Test"})
        entry = self.env["aftersales.approval"].create(
            {
                "res_model": "aftersales.return",
                "res_id": self.document.id,
                "round": 1,
                "step": "appraisal",
                "decision": "approved",
                "user_id": self.manager.id,
                "regulation_id": article.id,
            }
        )
        for record in (article, self.manager):
            with (
                self.subTest(model=record._name),
                mute_logger("odoo.sql_db"),
                self.assertRaises(IntegrityError),
                self.cr.savepoint(),
            ):
                record.unlink()
        self.env.invalidate_all()
        self.assertEqual(entry.regulation_id, article)
        self.assertEqual(entry.user_id, self.manager)

    # --- whose turn it is ------------------------------------------------------------------

    def test_activities(self):
        """L2.4: who may decide next finds the document among the own activities, nobody else."""
        stranger = new_test_user(self.env, "parts_manager_2", groups=f"{SERVICE}office_manager")
        self.manager.lang = "en_US"
        self._submit()
        asked = self.document.activity_ids.user_id
        self.assertIn(self.manager, asked)
        self.assertNotIn(stranger, asked)
        self.assertNotIn(self.customer_service, asked)
        activity = self.document.activity_ids.filtered(lambda a: a.user_id == self.manager)
        # in the language of who is asked, not of who asks
        self.assertEqual(activity.summary, "Office or regional manager")
        self.assertIn(self.manager.name, self.document.approvers)
        self.document.with_user(self.manager).action_approve()
        asked = self.document.activity_ids.user_id
        self.assertIn(self.customer_service, asked)
        self.assertNotIn(self.manager, asked)
        self.document.with_user(self.customer_service).action_approve()
        self.assertFalse(self.document.activity_ids)

    def test_activities_end(self):
        """L2.4: nobody is asked any more for what was refused, changed or cancelled."""
        for end in (
            lambda: self.document.with_user(self.manager).action_refuse("No"),
            lambda: self.document.write({"reason": "Other"}),
            lambda: self.document.action_cancel("Given up"),
        ):
            self._submit()
            self.assertTrue(self.document.activity_ids)
            end()
            self.assertFalse(self.document.activity_ids)

    def test_author_is_not_asked(self):
        """L2.4: an author who has the role isn't asked to decide."""
        self.document.with_user(self.all_roles).reason = "Worn"
        self._submit()
        self.assertNotIn(self.all_roles, self.document.activity_ids.user_id)

    def test_requester_is_told(self):
        """L2.4: who applied is told that and why it was refused."""
        self._submit()
        self.document.with_user(self.manager).action_refuse("Too vague")
        message = self.document.message_ids.filtered(lambda m: "Too vague" in (m.body or ""))
        self.assertEqual(message.partner_ids, self.users["center"].partner_id)

    def test_filter_waiting_for_my_decision(self):
        """L2.4: the filter finds exactly what this user may decide on now."""
        model = self.env["aftersales.return"]
        waiting = [("can_decide", "=", True)]
        self._submit()
        self.assertEqual(model.with_user(self.manager).search(waiting), self.document)
        self.assertFalse(model.with_user(self.customer_service).search(waiting))
        self.assertIn(
            self.document,
            model.with_user(self.customer_service).search([("can_decide", "=", False)]),
        )
        self.document.with_user(self.manager).action_approve()
        self.assertFalse(model.with_user(self.manager).search(waiting))
        self.assertEqual(model.with_user(self.customer_service).search(waiting), self.document)

    def test_filter_costs_no_query_per_document(self):
        """What waits for a decision is found with the same queries, however much waits."""

        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            found = (
                self.env["aftersales.return"]
                .with_user(self.manager)
                .search([("can_decide", "=", True)])
            )
            return len(found), self.cr.sql_log_count - before

        self._submit()
        count()
        few, queries = count()
        for month in ("2026-12-01", "2027-01-01", "2027-02-01", "2027-03-01"):
            self._make_record([self._part(self.pump)])
            self._make_return(month=month).action_submit()
        many, more_queries = count()
        self.assertEqual((few, many), (1, 5))
        self.assertLessEqual(more_queries, queries)

    def test_log_costs_no_query_per_document(self):
        """The log names the steps of many documents with the queries of a few."""
        self._submit()
        for month in ("2026-12-01", "2027-01-01", "2027-02-01", "2027-03-01"):
            self._make_record([self._part(self.pump)])
            self._make_return(month=month).action_submit()
        entries = self.env["aftersales.approval"].search([("res_model", "=", "aftersales.return")])
        self.assertEqual(len(entries.mapped("res_id")), 5)

        def count(some):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            some.mapped("label")
            return self.cr.sql_log_count - before

        count(entries)
        self.assertLessEqual(count(entries), count(entries[:2]))
