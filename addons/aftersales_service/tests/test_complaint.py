from datetime import date, datetime
from functools import partial

from freezegun import freeze_time
from lxml import etree

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command, Datetime
from odoo.tests import tagged
from odoo.tools import format_list

from .complaint_common import ComplaintCommon

NOW = "2026-07-01 01:00:00"  # a Wednesday, 9:00 in Shanghai


@tagged("post_install", "-at_install")
class TestComplaint(ComplaintCommon):
    def setUp(self):
        super().setUp()
        self.startPatcher(freeze_time(NOW))

    def _assert_missing(self, complaint, *words):
        """Assert that the stage can't be finished, and that all ``words`` are named."""
        action = "action_close" if complaint.state == "improve" else f"action_{complaint.state}"
        with self.assertRaises(UserError) as caught, self.cr.savepoint():
            getattr(complaint, action)()
        for word in words:
            self.assertIn(word, str(caught.exception))

    # --- the register ----------------------------------------------------------------------

    def test_register_fills_from_card(self):
        """C3: order and item number, delivery, quantity and customer come from the card."""
        complaint = self._new_complaint()
        order = self.card.sudo().sale_line_id.order_id
        self.assertTrue(complaint.name.startswith("CP2607"))
        self.assertEqual(complaint.partner_id, self.customer)
        self.assertEqual(complaint.product_id, self.machine)
        self.assertEqual(complaint.serial_number, "SN-COMPLAINT")
        self.assertEqual(complaint.order_ref, order.name)
        self.assertEqual(complaint.item_ref, "ZL-TEST")
        self.assertEqual(complaint.date_delivery, self.card.date_delivery)
        self.assertEqual(complaint.quantity, 1)
        self.assertEqual(complaint.phone, self.customer.phone)
        self.assertEqual(complaint.region_id, self.region)

    def test_register_fills_from_sale_line(self):
        """C3: a dealer's line gives its quantity, and the day in Shanghai of its delivery."""
        # 23:30 on 9 June in Shanghai is still the 9th; half an hour later it is the 10th
        for moment, day in (
            ("2026-06-09 15:30:00", date(2026, 6, 9)),
            ("2026-06-09 16:00:00", date(2026, 6, 10)),
        ):
            lots = self._new_lots([f"SN-{moment}-{i}" for i in range(3)])
            picking = self._new_delivery(lots, self.other_customer)
            picking._action_done()
            picking.move_ids.date = moment
            line = picking.move_ids.sale_line_id
            complaint = self._new_complaint(card_id=False, sale_line_id=line.id)
            self.assertEqual(complaint.partner_id, self.other_customer)
            self.assertEqual(complaint.product_id, self.machine)
            self.assertEqual(complaint.order_ref, line.order_id.name)
            self.assertEqual(complaint.quantity, 3)
            self.assertEqual(complaint.date_delivery, day)

    def test_register_fills_from_request(self):
        """M12: a complaint about a request knows its card, customer and center."""
        request = self._new_request(self.card)
        complaint = self._new_complaint(request_id=request.id)
        self.assertEqual(complaint.card_id, self.card)
        self.assertEqual(complaint.partner_id, self.customer)
        self.assertEqual(complaint.center_id, self.center)

    def test_register_requirements(self):
        """C3, E3.1: a quality complaint names order, item, delivery and quantities; C9."""
        complaint = self._new_complaint(
            card_id=False,
            partner_id=self.customer.id,
            contact_name=False,
            demand=" ",
            defective_quantity=0,
        )
        self._assert_missing(
            complaint,
            "Complained by",
            "Customer's demand",
            "Product",
            "Order number",
            "Item number",
            "Delivered on",
            "Quantity",
            "Defective quantity",
            "first contact",
        )
        self.assertIn("Order number", complaint.missing)
        complaint.kind = "contract"
        self.assertNotIn("Order number", complaint.missing)
        complaint.kind = "conduct"
        self.assertIn("Complained of", complaint.missing)
        self.assertEqual(complaint.state, "record")

    def test_quantities(self):
        """C3: more can't be defective than was delivered."""
        complaint = self._new_complaint()
        with self.assertRaisesRegex(ValidationError, "More can't be"), self.cr.savepoint():
            complaint.defective_quantity = 1.5

    def test_dates(self):
        """E2: nothing lies in the future, nobody is contacted before he complained."""
        with self.assertRaisesRegex(ValidationError, "future"), self.cr.savepoint():
            self._new_complaint(date_reported="2026-07-01 01:05:00")
        complaint = self._new_complaint()
        for moment in ("2026-07-01 00:59:00", "2026-07-01 01:01:00"):
            with self.assertRaises(ValidationError), self.cr.savepoint():
                self._tell(complaint, date=moment)
        with self.assertRaisesRegex(UserError, "stays"), self.cr.savepoint():
            complaint.date_reported = "2026-06-30 01:00:00"

    def test_categories(self):
        """C2, E1: the kind gives the category until the root cause is known."""
        for kind, topic, category in (
            ("quality", "product", "quality"),
            ("batch_quality", "product", "quality"),
            ("service_late", "service", "human"),
            ("conduct", "service", "human"),
            ("transport", "service", "other"),
            ("suggestion", "suggestion", "other"),
        ):
            complaint = self._new_complaint(kind=kind)
            self.assertEqual(complaint.topic, topic)
            self.assertEqual(complaint.category, category)
        complaint = self._bring(self._new_complaint(), "investigate")
        self.assertEqual(complaint.category, "quality")
        complaint.cause_id = self.env.ref("aftersales_service.complaint_cause_misuse")
        self.assertEqual(complaint.category, "human")

    def test_departments_by_kind(self):
        """E3.3: contract to management, transport to logistics, quality to quality; as data."""
        for kind, code in (
            ("contract", "management"),
            ("transport", "logistics"),
            ("quality", "quality"),
            ("batch_quality", "technical"),
            ("payment", "finance"),
            ("conduct", "customer_service"),
        ):
            self.assertEqual(self._new_complaint(kind=kind).department_id.code, code)
        self.env.ref(
            "aftersales_service.complaint_cause_transport"
        ).department_id = self.department_sales
        self.assertEqual(self._new_complaint(kind="transport").department_id.code, "sales")

    # --- the eight stages ------------------------------------------------------------------

    def test_eight_stages(self):
        """E3: a founded complaint goes through the eight stages in order, each noted."""
        complaint = self._new_complaint()
        self._bring(complaint, "closed")
        self.assertEqual(
            complaint.stage_ids.mapped("stage"),
            [
                "record",
                "judge",
                "assign",
                "investigate",
                "propose",
                "notify",
                "sanction",
                "improve",
            ],
        )
        self.assertTrue(all(complaint.stage_ids.mapped("date_end")))
        self.assertEqual(complaint.date_closed, datetime(2026, 7, 1, 1))
        self.assertFalse(complaint.missing)

    def test_durations(self):
        """E2: how long each stage took is kept, in hours."""
        complaint = self._new_complaint(date_reported="2026-06-30 23:15:00")
        self._bring(complaint, "judge")
        with freeze_time("2026-07-02 02:30:00"):
            self._bring(complaint, "assign")
        self.assertEqual(complaint.stage_ids.mapped("duration"), [1.75, 25.5, 0])

    def test_judge_requirements(self):
        """C4, C5: the judgement needs severity, verdict and reasons."""
        complaint = self._bring(self._new_complaint(), "judge")
        self._assert_missing(complaint, "Severity", "Verdict", "Reasons")

    def test_criteria_make_it_serious(self):
        """C5, H12: what meets a criterion is serious, and can't be made light."""
        complaint = self._bring(self._new_complaint(), "judge")
        criterion = self.env.ref("aftersales_service.complaint_criterion_danger")
        complaint.criterion_ids = criterion
        self.assertEqual(complaint.severity, "serious")
        with self.assertRaisesRegex(ValidationError, "serious: People"), self.cr.savepoint():
            complaint.severity = "light"

    def test_investigate_requirements(self):
        """E3.4, C4, C7: cause, responsible department or center, results of all tasks."""
        complaint = self._bring(self._new_complaint(), "investigate")
        task = complaint.task_ids.create(
            {
                "complaint_id": complaint.id,
                "name": "Look at the seal",
                "department_id": self.department_quality.id,
                "date_due": "2026-07-03",
            }
        )
        self._assert_missing(
            complaint, "Root cause", "Cause in detail", "responsible department", "results"
        )
        self._fill(complaint)
        self._assert_missing(complaint, "results of the tasks")
        task.with_user(self.quality).result = "Turned round"
        task.with_user(self.quality).action_done()
        complaint.action_investigate()
        self.assertEqual(complaint.state, "propose")

    def test_center_may_be_responsible(self):
        """E3.4: a service center is a unit, too."""
        complaint = self._bring(self._new_complaint(), "investigate")
        self._fill(complaint, responsible_department_id=False, responsible_center_id=self.center.id)
        complaint.action_investigate()

    def test_propose_requirements(self):
        """E3.5, C5: solution, and who agreed, when and how; a refusal isn't agreement."""
        complaint = self._bring(self._new_complaint(), "propose")
        self._assert_missing(
            complaint, "Solution", "Customer's answer", "Answered by", "Answered on", "Answered how"
        )
        self._fill(complaint, agreement="refused")
        self._assert_missing(complaint, "agrees to")
        complaint.agreement = "agreed"
        complaint.action_propose()
        self.assertFalse(complaint.approval_ids)

    def test_dispute(self):
        """L1.7, C9: who refuses the solution disputes it; its end lets the complaint go on."""
        complaint = self._bring(self._new_complaint(), "propose")
        self._fill(complaint, agreement="refused")
        dispute = self.env["aftersales.dispute"].create(
            {"complaint_id": complaint.id, "reason": "Wants the money back"}
        )
        self._assert_missing(complaint, "the end of a dispute")
        dispute._write_protected({"state": "mediation"})
        self.assertIn("end of the dispute (L1.7)", complaint._get_missing("improve"))
        dispute._write_protected({"state": "ruled", "result": "ruled"})
        self.assertNotIn("end of the dispute (L1.7)", complaint._get_missing("improve"))
        complaint.action_propose()
        self.assertEqual(complaint.state, "notify")

    def test_answer_fills(self):
        """C5: who answered and when is filled when the answer is chosen, and can be changed."""
        complaint = self._bring(self._new_complaint(), "propose")
        complaint.agreement = "agreed"
        self.assertEqual(complaint.agreed_by, "Wang Fang")
        self.assertEqual(complaint.date_agreed, datetime(2026, 7, 1, 1))
        complaint.agreed_by = "Her brother"
        complaint.agreement = "refused"
        self.assertEqual(complaint.agreed_by, "Her brother")

    def test_notify_requirements(self):
        """E3.6: the customer is told the solution now; what he was told before is no notice."""
        complaint = self._bring(self._new_complaint(), "propose")
        self._tell(complaint, "notice")
        complaint = self._bring(complaint, "notify")
        self._tell(complaint, "progress")
        self._assert_missing(complaint, "told to the customer")
        self._tell(complaint, "notice")
        complaint.action_notify()
        self.assertEqual(complaint.state, "sanction")

    def test_improve_requirements(self):
        """C6: carried out, improved or said why not, the final result told."""
        complaint = self._bring(self._new_complaint(), "improve")
        self._assert_missing(
            complaint, "Solution carried out on", "or why none is needed", "final result"
        )
        for day in ("2026-06-30", "2026-07-02"):
            with self.assertRaises(ValidationError), self.cr.savepoint():
                complaint.date_carried_out = day
        self._fill(complaint)
        complaint.action_close()
        self.assertEqual(complaint.state, "closed")

    def test_suggestion(self):
        """E1: a suggestion has no culprit: no investigation of guilt, no sanction."""
        complaint = self._new_complaint(kind="suggestion")
        self._bring(complaint, "closed")
        self.assertNotIn("sanction", complaint.stage_ids.mapped("stage"))
        self.assertNotIn("investigate", complaint.stage_ids.mapped("stage"))

    def test_what_follows_is_not_written(self):
        """C8, E5: whether it is founded and when it was contacted is never written by hand."""
        complaint = self._bring(self._new_complaint(), "assign")
        self.assertTrue(complaint.is_founded)
        for user in (self.clerk, self.customer_service):
            for vals in ({"is_founded": False}, {"date_contacted": False}, {"region_id": False}):
                if not complaint[next(iter(vals))]:
                    continue
                with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
                    complaint.with_user(user).write(vals)

    def test_unfounded(self):
        """C4, E3.2: unfounded needs the reasons and the explanation told; then it is closed."""
        complaint = self._bring(self._new_complaint(), "judge")
        complaint.write({"severity": "light", "verdict": "unfounded"})
        self._assert_missing(complaint, "Reasons")
        complaint.verdict_basis = "The seal was cut with a knife: photo 3"
        complaint.action_judge()
        self.assertEqual(complaint.state, "notify")
        self._assert_missing(complaint, "explanation with the evidence")
        contact = self._tell(complaint, "notice", text="Explained with photo 3")
        complaint.action_notify()
        self.assertEqual(complaint.state, "closed")
        self.assertFalse(complaint.is_founded)
        self.assertEqual(contact.contact_name, "Wang Fang")
        self.assertEqual(contact.user_id, self.customer_service)

    def test_back(self):
        """E3: back one stage with a reason, which is kept; then what it held can be changed."""
        complaint = self._bring(self._new_complaint(), "investigate")
        with self.assertRaisesRegex(UserError, "reason"), self.cr.savepoint():
            complaint.action_back(" ")
        complaint.action_back("Wrong department")
        self.assertEqual(complaint.state, "assign")
        self.assertEqual(complaint.stage_ids[-1:].reason, "Wrong department")
        complaint.department_id = self.department_technical
        complaint.action_assign()
        complaint.action_back("Again")
        complaint.action_back("And again")
        complaint.action_back("To the register")
        with self.assertRaisesRegex(UserError, "first stage"), self.cr.savepoint():
            complaint.action_back("Further")

    def test_reopen(self):
        """C6: customer service reopens with a reason; the notice is owed anew."""
        complaint = self._bring(self._new_complaint(), "closed")
        with self.assertRaisesRegex(UserError, "closed"), self.cr.savepoint():
            complaint.action_back("Reason")
        with self.assertRaises(AccessError), self.cr.savepoint():
            complaint.with_user(self.clerk).action_reopen("It happened again")
        complaint.action_reopen("It happened again")
        self.assertEqual(complaint.state, "judge")
        self.assertFalse(complaint.date_closed)
        for action in ("action_judge", "action_assign", "action_investigate", "action_propose"):
            getattr(complaint, action)()
        self._assert_missing(complaint, "told to the customer")

    def test_reopened_sanction(self):
        """E3, C6: what was decided before a complaint was reopened decides nothing any more.

        It stays as it was. Taking the complaint back by a stage is no new round.
        """
        complaint = self._bring(self._new_complaint(), "improve")
        old = self.env["aftersales.complaint.sanction"].search(
            [("complaint_id", "=", complaint.id)]
        )
        complaint.action_back("The note is wrong")
        self.assertTrue(complaint.is_sanction_decided)
        complaint.action_sanction()
        complaint = self._bring(complaint, "closed")
        complaint.action_reopen("It happened again")
        self.assertFalse(complaint.is_sanction_decided)
        for action in ("judge", "assign", "investigate", "propose"):
            getattr(complaint, f"action_{action}")()
        self._tell(complaint, "notice")
        complaint.action_notify()
        self._assert_missing(complaint, "decision on a sanction")
        own = old.with_user(self.head)
        for change in (lambda: own.write({"note": "Different"}), own.unlink):
            with self.assertRaisesRegex(UserError, "decide anew"), self.cr.savepoint():
                change()
        with self.assertRaises(UserError), self.cr.savepoint():
            own.write({"stage_id": complaint.stage_ids[-1].id})
        new = self._sanction(complaint, note="Twice by now")
        self.assertTrue(complaint.is_sanction_decided)
        complaint.action_sanction()
        self.assertEqual(complaint.state, "improve")
        self.assertEqual((old.note, new.note), ("A single mistake", "Twice by now"))

    def test_reopened_verification(self):
        """L1.3: a batch complaint that is reopened is verified on site anew; the history stays."""
        complaint = self._bring(
            self._new_complaint(kind="batch_quality", quantity=1), "investigate", severity="serious"
        )
        found = {
            "verifier_id": self.technician.id,
            "date_verified": Datetime.now(),
            "batch_verdict": "denied",
            "batch_evidence": "1 of 12 seals",
        }
        self._fill(complaint)
        complaint.write(found)
        complaint.action_verify()
        complaint.action_investigate()
        complaint.sudo()._write_protected({"state": "closed"})
        complaint.action_reopen("It happened again")
        self.assertFalse(complaint.is_verified)
        self.assertFalse(any(complaint[name] for name in found))
        history = complaint.message_ids[0].body
        for text in (self.technician.name, "Not confirmed", "1 of 12 seals"):
            self.assertIn(text, history)
        complaint.action_judge()
        complaint.action_assign()
        self._assert_missing(complaint, "verification on site")
        complaint.write(found)
        complaint.action_verify()

    def test_cancel(self):
        """E2: cancelled before it is judged only, with a reason; it stays in the register."""
        complaint = self._new_complaint().with_user(self.customer_service)
        complaint.action_cancel("Typed twice")
        self.assertEqual(complaint.state, "cancelled")
        self.assertIn("Typed twice", complaint.message_ids[0].body)
        complaint = self._bring(self._new_complaint(), "assign")
        with self.assertRaisesRegex(UserError, "judged"), self.cr.savepoint():
            complaint.action_cancel("Tiresome")

    # --- jumping, locking ------------------------------------------------------------------

    def test_no_jumping(self):
        """E3: neither RPC nor import nor a default reaches a stage but by its action."""
        complaint = self._new_complaint().with_user(self.customer_service)
        for vals in (
            {"state": "closed"},
            {"is_verified": True},
            {"date_closed": "2026-07-01 00:00:00"},
            {"approval_state": "approved"},
            {"department_ids": [Command.clear()]},
        ):
            with self.assertRaises(AccessError), self.cr.savepoint():
                complaint.write(vals)
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._new_complaint(state="closed")
        born = complaint.with_context(default_state="closed").create(
            {
                "kind": "other",
                "partner_id": self.customer.id,
                "description": "Noise",
            }
        )
        self.assertEqual(born.state, "record")
        for stage in ("judge", "assign", "investigate", "propose", "notify", "sanction"):
            with self.assertRaisesRegex(UserError, "isn't at the stage"), self.cr.savepoint():
                getattr(complaint, f"action_{stage}")()
        with self.assertRaisesRegex(UserError, "isn't at the stage"), self.cr.savepoint():
            complaint.action_close()

    def test_pressed_twice(self):
        """E3: a stage finished by two users at once is finished once."""
        complaint = self._bring(self._new_complaint(), "assign")
        complaint.action_assign()
        with self.assertRaisesRegex(UserError, "isn't at the stage"), self.cr.savepoint():
            complaint.with_user(self.second_cs).action_assign()
        self.assertEqual(complaint.state, "investigate")

    def test_passed_stages_stay(self):
        """E2: what was entered at a stage stays once it is passed, and all of it when closed."""
        complaint = self._bring(self._new_complaint(), "propose")
        for vals in (
            {"description": "Something else"},
            {"verdict": "unfounded"},
            {"severity": "serious"},
            {"department_id": self.department_sales.id},
            {"cause": "Another"},
        ):
            with self.assertRaisesRegex(UserError, "has passed"), self.cr.savepoint():
                complaint.write(vals)
        self._bring(complaint, "closed")
        for vals in ({"solution": "None"}, {"user_id": self.second_cs.id}):
            with self.assertRaises(UserError), self.cr.savepoint():
                complaint.write(vals)
        with self.assertRaisesRegex(UserError, "is closed"), self.cr.savepoint():
            self._tell(complaint, "progress")

    def test_contacts_stay(self):
        """C6: what the customer was told can't be changed or deleted, nor told by another."""
        complaint = self._new_complaint()
        contact = self._tell(complaint, user_id=self.vp.id)
        self.assertEqual(contact.user_id, self.clerk)
        for change in (lambda: contact.write({"text": "x"}), contact.unlink):
            with self.assertRaises(UserError), self.cr.savepoint():
                change()
        with self.assertRaises(UserError), self.cr.savepoint():
            complaint.write({"contact_ids": [Command.clear()]})

    def test_kept(self):
        """H11: a complaint is kept from the first moment, for two years and the warranty."""
        complaint = self._new_complaint()
        self.assertEqual(complaint.retain_until.year, self.card.date_end.year + 2)
        with self.assertRaisesRegex(UserError, "H11"), self.cr.savepoint():
            complaint.with_user(self.administrator).unlink()
        with self.assertRaises(AccessError), self.cr.savepoint():
            complaint.with_user(self.customer_service).unlink()

    # --- roles -----------------------------------------------------------------------------

    def test_roles_by_stage(self):
        """C7: clerks record, customer service judges, the department investigates."""
        complaint = self._new_complaint()
        self._tell(complaint)
        for user in (self.quality, self.vp):
            with self.assertRaises(AccessError), self.cr.savepoint():
                complaint.with_user(user).action_record()
        complaint.action_record()
        with self.assertRaises(AccessError), self.cr.savepoint():
            complaint.verdict = "founded"
        with self.assertRaises(AccessError), self.cr.savepoint():
            complaint.with_user(self.quality).verdict = "founded"
        complaint = self._bring(complaint, "investigate")
        quality = complaint.with_user(self.quality)
        quality.cause = "Seen under the microscope"
        with self.assertRaises(AccessError), self.cr.savepoint():
            quality.department_id = self.department_sales
        self._fill(complaint)
        quality.action_investigate()
        quality.measures = "Mark the seal"
        with self.assertRaises(AccessError), self.cr.savepoint():
            quality.solution = "Nothing"
        with self.assertRaises(AccessError), self.cr.savepoint():
            quality.action_propose()

    def test_whose_turn(self):
        """C7, E3: at each stage the form names who goes on; who may not, is told the same."""
        complaint = self._new_complaint()
        either = partial(format_list, self.env, style="or")
        clerks = either(["Clerk", "Office or regional manager"])
        self.assertEqual(complaint.turn, f"{clerks} ({self.clerk.name})")
        self._tell(complaint)
        complaint.action_record()
        # the clerk who handles it doesn't judge, so nobody is named
        self.assertEqual(complaint.turn, "Customer service")
        with (
            self.assertRaisesRegex(AccessError, "“Judge” is worked on by others: Customer service"),
            self.cr.savepoint(),
        ):
            complaint.action_judge()
        complaint.sudo().user_id = self.customer_service
        self.assertEqual(complaint.turn, f"Customer service ({self.customer_service.name})")
        complaint = self._bring(complaint, "investigate", severity="serious")
        self.assertEqual(complaint.turn, "Quality department")
        complaint.task_ids.create(
            {
                "complaint_id": complaint.id,
                "name": "Measure the seal",
                "department_id": self.department_technical.id,
                "date_due": "2026-12-31",
            }
        )
        self.assertEqual(complaint.turn, either(["Quality department", "Technical department"]))
        complaint.task_ids.with_user(self.customer_service).write({"result": "Worn"})
        complaint.task_ids.with_user(self.customer_service).action_done()
        complaint = self._bring(complaint, "sanction")
        self.assertEqual(complaint.turn, either([self.head.name, "Marketing VP"]))
        self._sanction(complaint)
        complaint.invalidate_recordset(["turn", "is_sanction_decided"])
        self.assertEqual(complaint.turn, f"Customer service ({self.customer_service.name})")

    def test_turn_while_approved(self):
        """C5: while the departments decide, the line of the approval says whose turn it is."""
        complaint = self._bring(self._new_complaint(), "propose", severity="serious")
        complaint.write(
            {
                "measures": "Mark the seal",
                "solution": "New pump",
                "agreement": "agreed",
                "agreement_channel": "phone",
            }
        )
        self.assertIn("Customer service", complaint.turn)
        complaint.action_submit()
        self.assertFalse(complaint.turn)
        self.assertIn("Quality department", complaint.approval_status)

    def test_turn_ends(self):
        """E3: a closed complaint is nobody's turn."""
        self.assertFalse(self._bring(self._new_complaint(), "closed").turn)

    def test_who_is_named_may_not_handle(self):
        """C9: who is responsible for what is complained of has no part in handling it."""
        complaint = self._bring(self._new_complaint(), "investigate")
        self._fill(complaint, responsible_id=self.customer_service.partner_id.id)
        with self.assertRaisesRegex(AccessError, "colleague"), self.cr.savepoint():
            complaint.action_investigate()
        complaint.with_user(self.second_cs).action_investigate()
        with self.assertRaisesRegex(AccessError, "colleague"), self.cr.savepoint():
            complaint.solution = "Nothing"
        with self.assertRaisesRegex(AccessError, "colleague"), self.cr.savepoint():
            complaint.action_back("I want to")
        complaint.with_user(self.second_cs).solution = "New pump"

    def test_handover_at_creation(self):
        """C7: a clerk can't bring the verdict along when he registers the complaint."""
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._new_complaint(verdict="unfounded")

    def test_who_sees(self):
        """Mistake 6: own center without what is about its staff, own region, own department."""
        request = self._new_request(self.card)
        complaint = self._new_complaint(request_id=request.id, subject="The technician")
        conduct = self._new_complaint(
            request_id=request.id, kind="conduct", subject="The technician"
        )
        for user in (self.clerk, self.customer_service, self.vp, self.office_manager):
            self._assert_visible(complaint | conduct, user)
        self._assert_visible(complaint, self.center_user)
        self._assert_hidden(conduct, self.center_user)
        self._assert_visible(complaint, self.quality)
        self._assert_hidden(conduct, self.quality)
        for user in (
            self.technician,
            self.other_center_user,
            self.other_office_manager,
            self.logistics,
            self.worker,
        ):
            self._assert_hidden(complaint | conduct, user)
            self._assert_hidden(complaint.stage_ids, user)
        self._tell(complaint)
        self._assert_visible(complaint.contact_ids, self.center_user)
        self._assert_hidden(complaint.contact_ids, self.other_center_user)
        with self.assertRaises(AccessError), self.cr.savepoint():
            complaint.with_user(self.center_user).description = "Nothing happened"
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._tell(complaint.with_user(self.center_user))

    def test_task_opens_the_complaint(self):
        """C7: whoever gets a task sees the complaint, and does his own task only."""
        complaint = self._bring(self._new_complaint(), "investigate")
        self._assert_hidden(complaint, self.worker)
        task = complaint.task_ids.create(
            {
                "complaint_id": complaint.id,
                "name": "Ask the line",
                "department_id": self.department_production.id,
                "user_id": self.worker.id,
                "date_due": "2026-06-30",
            }
        )
        self._assert_visible(complaint, self.worker)
        self.assertTrue(task.is_late)
        own = task.with_user(self.worker)
        with self.assertRaisesRegex(UserError, "result"), self.cr.savepoint():
            own.action_done()
        for vals in ({"date_due": "2026-08-01"}, {"state": "done"}):
            with self.assertRaises(AccessError), self.cr.savepoint():
                own.write(vals)
        with self.assertRaisesRegex(AccessError, "is a task of"), self.cr.savepoint():
            task.with_user(self.quality).result = "Nothing"
        own.result = "Two men, night shift"
        own.action_done()
        with self.assertRaisesRegex(UserError, "is done"), self.cr.savepoint():
            own.result = "Nobody"
        with self.assertRaisesRegex(ValidationError, "doesn't belong"), self.cr.savepoint():
            complaint.task_ids.create(
                {
                    "complaint_id": complaint.id,
                    "name": "Ask",
                    "department_id": self.department_production.id,
                    "user_id": self.logistics.id,
                    "date_due": "2026-07-09",
                }
            )

    def test_companies(self):
        """Mistake 6: a complaint of another company is none of mine."""
        other = self.env["res.company"].create({"name": "Another company"})
        complaint = self.env["aftersales.complaint"].create(
            {
                "company_id": other.id,
                "kind": "other",
                "partner_id": self.customer.id,
                "description": "Noise",
            }
        )
        self._assert_hidden(complaint, self.customer_service)
        self._assert_hidden(complaint.stage_ids, self.customer_service)

    def test_documents_of_others(self):
        """Mistake 6: an office manager can't learn of another region's card by a complaint."""
        card = self._deliver("SN-SOUTH", partner=self.other_customer)
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._new_complaint(user=self.office_manager, card_id=card.id)

    # --- sanction --------------------------------------------------------------------------

    def test_sanction(self):
        """E3.7: decided by head or VP, at its stage; colleagues learn only that it was."""
        complaint = self._bring(self._new_complaint(), "notify")
        with self.assertRaisesRegex(UserError, "stage “Sanction”"), self.cr.savepoint():
            self._sanction(complaint)
        self._bring(complaint, "sanction")
        self._assert_missing(complaint, "decision on a sanction")
        for user in (self.customer_service, self.worker, self.clerk, self.administrator):
            with self.assertRaises(AccessError), self.cr.savepoint():
                self._sanction(complaint, user=user)
        sanction = self._sanction(
            complaint,
            measure="deduction",
            amount=200.05,
            partner_id=self.worker.partner_id.id,
        )
        self.assertEqual(sanction.amount, 200.05)
        for user in (self.customer_service, self.worker, self.administrator, self.quality):
            self._assert_hidden(sanction, user)
        self._assert_visible(sanction, self.vp)
        self._assert_visible(sanction, self.head)
        self.assertTrue(complaint.with_user(self.worker).is_sanction_decided)
        self.assertNotIn("200", "".join(complaint.message_ids.mapped("body")))
        complaint.action_sanction()
        with self.assertRaises(UserError), self.cr.savepoint():
            sanction.amount = 10
        with self.assertRaises(UserError), self.cr.savepoint():
            sanction.unlink()

    def test_sanction_amount(self):
        """E3.7: a deduction has an amount to the cent, and nothing else has one."""
        complaint = self._bring(self._new_complaint(), "sanction")
        for vals in ({"measure": "deduction"}, {"measure": "training", "amount": 1}):
            with self.assertRaises(ValidationError), self.cr.savepoint():
                self._sanction(complaint, **vals)

    def test_nobody_judges_himself(self):
        """E3.7: the head who caused it doesn't decide on himself; the VP does."""
        complaint = self._bring(self._new_complaint(), "sanction")
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._sanction(complaint, partner_id=self.head.partner_id.id)
        complaint = self._bring(
            self._new_complaint(), "sanction", responsible_id=self.head.partner_id.id
        )
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._sanction(complaint)
        self._sanction(complaint, user=self.vp)

    # --- actions ---------------------------------------------------------------------------

    def test_effect_check(self):
        """C6: closed only when somebody else found each action effective, after 30 days."""
        complaint = self._bring(self._new_complaint(), "improve")
        action = self._new_action(complaint)
        self._fill(complaint)
        self._assert_missing(complaint, "effect check")
        own = action.with_user(self.worker)
        with self.assertRaisesRegex(UserError, "what was done"), self.cr.savepoint():
            own.action_done()
        own.result = "Each seal is marked"
        own.action_done()
        self.assertEqual(action.date_check, date(2026, 7, 31))
        self._assert_missing(complaint, "effect check")
        with self.assertRaisesRegex(UserError, "after some time"), self.cr.savepoint():
            action.with_user(self.quality).action_effective()
        with freeze_time("2026-07-30 16:00:00"):  # 0:00 on the 31st in Shanghai
            with self.assertRaises(AccessError), self.cr.savepoint():
                own.check_result = "Works"
            with self.assertRaises(AccessError), self.cr.savepoint():
                own.action_effective()
            checked = action.with_user(self.quality)
            with self.assertRaisesRegex(UserError, "what you found"), self.cr.savepoint():
                checked.action_effective()
            checked.check_result = "No case in July"
            checked.action_effective()
            self.assertEqual(action.checked_by, self.quality)
            complaint.action_close()
        self.assertEqual(complaint.state, "closed")

    def test_ineffective(self):
        """C6: an action that doesn't work is followed by another, and the complaint stays open."""
        self.company.aftersales_effect_check_days = 0
        complaint = self._bring(self._new_complaint(), "improve")
        action = self._new_action(complaint)
        self._fill(complaint)
        action.with_user(self.worker).result = "Told them"
        action.with_user(self.worker).action_done()
        action.with_user(self.quality).check_result = "Two more cases"
        action.with_user(self.quality).action_ineffective()
        self.assertEqual(action.state, "ineffective")
        following = complaint.action_ids - action
        self.assertEqual(following.previous_id, action)
        self.assertEqual(following.state, "open")
        self.assertEqual(following.user_id, self.worker)
        self.assertFalse(following.result)
        self._assert_missing(complaint, "effect check")

    def test_action_rights(self):
        """C6: owners do, customer service plans; nobody deletes or skips the check."""
        complaint = self._bring(self._new_complaint(), "improve", severity="serious")
        self._assert_missing(complaint, "corrective or preventive action")
        action = self._new_action(complaint)
        own = action.with_user(self.worker)
        for vals in (
            {"date_due": "2026-09-01"},
            {"state": "effective"},
            {"date_check": "2026-01-01"},
        ):
            with self.assertRaises(AccessError), self.cr.savepoint():
                own.write(vals)
        with self.assertRaises(AccessError), self.cr.savepoint():
            action.with_user(self.quality).result = "Done"
        with self.assertRaises(UserError), self.cr.savepoint():
            action.with_user(self.customer_service).unlink()
        action.action_cancel("Planned twice")
        self._assert_missing(complaint, "corrective or preventive action")

    # --- approval --------------------------------------------------------------------------

    def test_serious_needs_approval(self):
        """C5: serious ones need measures, then quality and management; the requester is out."""
        complaint = self._bring(
            self._new_complaint(), "propose", severity="serious", verdict="founded"
        )
        self._assert_missing(complaint, "Measures for the product", "approval by the departments")
        with self.assertRaisesRegex(UserError, "Measures"), self.cr.savepoint():
            complaint.action_submit()
        complaint.write(
            {
                "measures": "Mark the seal",
                "solution": "New pump",
                "compensation": 1999.99,
                "agreement": "agreed",
                "agreed_by": "Wang Fang",
                "date_agreed": NOW,
                "agreement_channel": "email",
            }
        )
        complaint.action_submit()
        self.assertEqual(complaint.next_approval, "Quality department")
        for user in (self.vp, self.customer_service, self.logistics):
            with self.assertRaises(AccessError), self.cr.savepoint():
                complaint.with_user(user).action_approve()
        complaint.with_user(self.quality).action_approve()
        self._assert_missing(complaint, "approval by the departments")
        complaint.with_user(self.vp).action_approve()
        self.assertFalse(complaint.missing)
        complaint.compensation = 2000
        self.assertEqual(complaint.approval_state, "draft")
        self.assertEqual(complaint.state, "propose")
        self._assert_missing(complaint, "approval by the departments")
        self._approve(complaint)
        complaint.action_propose()
        self.assertEqual(complaint.state, "notify")

    def test_refused_proposal(self):
        """C5: a refused proposal stays at its stage and is submitted anew."""
        complaint = self._bring(
            self._new_complaint(), "propose", severity="serious", verdict="founded"
        )
        complaint.write(
            {
                "measures": "Mark the seal",
                "solution": "New pump",
                "agreement": "agreed",
                "agreed_by": "Wang Fang",
                "date_agreed": NOW,
                "agreement_channel": "email",
            }
        )
        complaint.action_submit()
        complaint.with_user(self.quality).action_refuse("Too little")
        self.assertEqual(complaint.state, "propose")
        self._assert_missing(complaint, "approval")
        complaint.measures = "Mark the seal and check it"
        self._approve(complaint)
        complaint.action_propose()

    def test_who_measures_does_not_approve(self):
        """C5: quality that wrote the measures leaves the decision to a colleague."""
        complaint = self._bring(
            self._new_complaint(), "propose", severity="serious", verdict="founded"
        )
        complaint.write(
            {
                "solution": "New pump",
                "agreement": "agreed",
                "agreed_by": "Wang Fang",
                "date_agreed": NOW,
                "agreement_channel": "email",
            }
        )
        complaint.with_user(self.quality).measures = "Mark the seal"
        complaint.action_submit()
        with self.assertRaisesRegex(AccessError, "worked on it"), self.cr.savepoint():
            complaint.with_user(self.quality).action_approve()
        other = self._new_user("quality", login="test_quality_2")
        complaint.with_user(other).action_approve()

    def test_light_needs_none(self):
        """C5: a light complaint is filed and fed back, and not submitted."""
        complaint = self._bring(self._new_complaint(), "propose")
        with self.assertRaisesRegex(UserError, "light"), self.cr.savepoint():
            complaint.action_submit()

    # --- deadlines -------------------------------------------------------------------------

    def _run(self, complaint, name):
        rule = self.env.ref(f"aftersales_service.deadline_rule_{name}")
        self.env.invalidate_all()
        return complaint.sudo().deadline_ids.filtered(lambda d: d.rule_id == rule)

    def test_first_contact(self):
        """C9: the customer is contacted within the hour, by whatever contact is logged first."""
        complaint = self._new_complaint()
        run = self._run(complaint, "complaint_contact")
        self.assertEqual(run.date_due, datetime(2026, 7, 1, 2))
        self.assertEqual(complaint.date_due, datetime(2026, 7, 1, 2))
        with freeze_time("2026-07-01 01:59:59"):
            self._tell(complaint, date="2026-07-01 01:59:59")
        self.assertEqual(self._run(complaint, "complaint_contact").state, "met")
        self.assertEqual(complaint.date_contacted, datetime(2026, 7, 1, 1, 59, 59))

    def test_first_contact_late(self):
        """C9: after the hour it is late, and stays so."""
        complaint = self._new_complaint()
        with freeze_time("2026-07-01 02:00:01"):
            self._tell(complaint)
        self.assertEqual(self._run(complaint, "complaint_contact").state, "late")

    def test_batch(self):
        """L1.3: a batch is verified on site until the end of the second day, with a verdict."""
        complaint = self._new_complaint(kind="batch_quality", quantity=1)
        run = self._run(complaint, "batch_quality")
        # the end of 3 July in Shanghai
        self.assertEqual(run.date_due, datetime(2026, 7, 3, 15, 59, 59))
        complaint = self._bring(complaint, "investigate", severity="serious")
        self._fill(complaint)
        self._assert_missing(complaint, "verification on site")
        with self.assertRaisesRegex(UserError, "Verdict on site"), self.cr.savepoint():
            complaint.action_verify()
        with freeze_time("2026-07-03 15:59:59"):
            complaint.write(
                {
                    "verifier_id": self.technician.id,
                    "date_verified": "2026-07-03 15:59:59",
                    "batch_verdict": "confirmed",
                    "batch_evidence": "12 of 12 seals",
                }
            )
            complaint.action_verify()
        self.assertEqual(self._run(complaint, "batch_quality").state, "met")
        with self.assertRaisesRegex(UserError, "stays"), self.cr.savepoint():
            complaint.batch_verdict = "denied"
        with self.assertRaisesRegex(UserError, "already"), self.cr.savepoint():
            complaint.action_verify()

    def test_only_batches_are_verified(self):
        """L1.3: other complaints are not verified on site and have no such deadline."""
        complaint = self._new_complaint()
        self.assertFalse(self._run(complaint, "batch_quality"))
        complaint = self._bring(complaint, "investigate")
        with self.assertRaisesRegex(UserError, "batch"), self.cr.savepoint():
            complaint.action_verify()

    def test_closing_ends_promises(self):
        """L1.3: an unfounded batch complaint leaves no visit promised."""
        complaint = self._new_complaint(kind="batch_quality")
        complaint = self._bring(complaint, "judge")
        complaint.write({"severity": "light", "verdict": "unfounded", "verdict_basis": "Photos"})
        complaint.action_judge()
        self._tell(complaint, "notice")
        complaint.action_notify()
        self.assertEqual(self._run(complaint, "batch_quality").state, "cancelled")
        self.assertFalse(complaint.date_due)

    # --- following up ----------------------------------------------------------------------

    def test_follow_up(self):
        """M12, C9: a week after closing the customer is called; after a serious one again."""
        self.company.aftersales_callback_hour = 9
        # 00:30 on 2 July in Shanghai
        with freeze_time("2026-07-01 16:30:00"):
            light = self._bring(self._new_complaint(), "closed")
        self.assertEqual(light.follow_up_ids.mapped("kind"), ["complaint"])
        self.assertEqual(light.follow_up_ids.date_planned, datetime(2026, 7, 9, 1))
        self.assertEqual(light.follow_up_ids.partner_id, self.customer)
        self.assertEqual(light.follow_up_ids.card_id, self.card)
        plan = self.env["aftersales.complaint.follow.up"].search([])
        self.assertEqual(sorted(plan.mapped("days")), [7, 90])

    def test_follow_up_names_the_complaint(self):
        """M12: who calls sees at once, and on no other tab, which complaint he follows up."""
        view = etree.fromstring(self.env["aftersales.callback"].get_view(view_type="form")["arch"])
        self.assertEqual(len(view.xpath("//field[@name='complaint_id']")), 1)
        self.assertFalse(view.xpath("//notebook//field[@name='complaint_id']"))

    def test_follow_up_is_of_the_complaint(self):
        """M3.5, anchors: calls without a complaint, or with other people's names, aren't made up.

        They would count in the satisfaction.
        """
        make = self.env["aftersales.callback"].with_user(self.clerk).create
        vals = {"kind": "complaint", "technician_id": self.technician.id}
        with self.assertRaisesRegex(UserError, "follows up"), self.cr.savepoint():
            make({**vals, "partner_id": self.customer.id})
        complaint = self._new_complaint()
        other = self.customer.copy()
        request = self._new_request(self.card)
        links = {"request_id": request.id, "complaint_id": complaint.id}
        call = make({**vals, **links, "partner_id": other.id})
        self.assertEqual(call.partner_id, complaint.partner_id)
        self.assertFalse(call.request_id)
        self.assertFalse(call.technician_id)

    def test_follow_up_by_default(self):
        """M3.5, anchors: defaults of the context name nobody else than the values do."""
        complaint = self._new_complaint()
        other = self.customer.copy()
        call = (
            self.env["aftersales.callback"]
            .with_user(self.clerk)
            .with_context(
                default_kind="complaint",
                default_complaint_id=complaint.id,
                default_technician_id=self.technician.id,
                default_partner_id=other.id,
            )
            .create({"date_planned": Datetime.now()})
        )
        self.assertEqual(call.complaint_id, complaint)
        self.assertEqual(call.partner_id, complaint.partner_id)
        self.assertFalse(call.technician_id)

    def test_follow_up_beyond_plan(self):
        """M3.5, M12: one open call by hand, and what the plan didn't ask for doesn't count."""
        complaint = self._bring(self._new_complaint(), "closed")
        planned = complaint.follow_up_ids
        self.assertEqual(planned.mapped("is_counted"), [True] * len(planned))
        make = self.env["aftersales.callback"].create
        vals = {"kind": "complaint", "complaint_id": complaint.id}
        for user in (self.clerk, self.customer_service):
            with self.assertRaisesRegex(UserError, planned[0].name), self.cr.savepoint():
                make = self.env["aftersales.callback"].with_user(user).create
                make(vals)
            with self.assertRaisesRegex(UserError, "already"), self.cr.savepoint():
                planned._write_protected({"state": "done", "outcome": "reached"})
                make([vals, vals])
        for call in planned:
            self._answer_call(call, "2")
        extra = self._answer_call(make(vals), "5")
        again = self._answer_call(make(vals), "5")
        self.assertTrue((extra | again).mapped("is_extra"))
        self.assertFalse(any((extra | again).mapped("is_counted")))
        for call in (extra, again):
            with self.assertRaises(AccessError), self.cr.savepoint():
                call.write({"is_counted": True})
            with self.assertRaises(AccessError), self.cr.savepoint():
                call.write({"is_extra": False})
        # what the customer reports in it is reported all the same
        third = make(vals)
        self._answer_call(third, "1")
        self.assertTrue(third.date_escalated)

    def test_follow_up_of_conduct(self):
        """Mistake 6: the center of the person complained of learns nothing by the call."""
        request = self._new_request(self.card)
        complaint = self._bring(
            self._new_complaint(kind="conduct", request_id=request.id, subject="The technician"),
            "closed",
        )
        self.assertEqual(complaint.center_id, self.center)
        self.assertTrue(complaint.follow_up_ids)
        self.assertFalse(complaint.follow_up_ids.center_id)
        for user in (self.center_user, self.technician):
            self._assert_hidden(complaint.follow_up_ids, user)

    def test_follow_up_of_unhappy(self):
        """M12: who is still not content has the complaint looked at again."""
        complaint = self._bring(self._new_complaint(), "closed")
        self._answer_call(complaint.follow_up_ids, "1")
        self.assertIn("Very dissatisfied", complaint.message_ids[0].body)
        self.assertIn("reopen", complaint.activity_ids.summary)
        self.assertEqual(complaint.activity_ids.user_id, self.clerk)

    def test_follow_up_anew(self):
        """M12: reopened and closed again, the customer isn't called twice."""
        complaint = self._bring(self._new_complaint(), "closed")
        first = complaint.follow_up_ids
        complaint.action_reopen("Again")
        self._bring(complaint, "closed")
        self.assertEqual(first.state, "cancelled")
        self.assertEqual((complaint.follow_up_ids - first).state, "planned")

    def test_from_documents(self):
        """M12: a complaint is registered from request, record, callback; each counts its own."""
        record = self._new_done_record(self._new_request(self.card))
        request = record.request_id
        call = self.env["aftersales.callback"].search([("record_id", "=", record.id)]) or self.env[
            "aftersales.callback"
        ].create({"kind": "service", "record_id": record.id})
        for document, link in (
            (request, "request_id"),
            (record, "record_id"),
            (call, "callback_id"),
        ):
            action = document.with_user(self.clerk).action_new_complaint()
            complaint = (
                self.env["aftersales.complaint"]
                .with_user(self.clerk)
                .with_context(**action["context"])
                .create({"description": "Came late", "kind": "service_late"})
            )
            self.assertEqual(complaint[link], document)
            self.assertEqual(complaint.partner_id, self.customer)
            self.assertEqual(complaint.card_id, self.card)
            self.assertEqual(complaint.center_id, self.center)
            self.assertEqual(document.with_user(self.clerk).complaint_count, 1)
        self.assertEqual(self.card.with_user(self.clerk).complaint_count, 3)
        self.assertEqual(request.with_user(self.technician).complaint_count, 0)

    # --- print -----------------------------------------------------------------------------

    def test_print(self):
        """C5: the handling form carries everything but the sanction."""
        complaint = self._bring(
            self._new_complaint(), "closed", severity="light", solution="New pump at once"
        )
        html = (
            self.env["ir.actions.report"]
            ._render_qweb_html("aftersales_service.report_complaint_document", complaint.ids)[0]
            .decode()
        )
        for text in (
            complaint.name,
            "SN-COMPLAINT",
            "A new pump",
            "New pump at once",
            "Told: result",
        ):
            self.assertIn(text, html)
        self.assertNotIn("A single mistake", html)

    def _get_duties(self, user):
        """Return (complaint, summary, day) of what ``user`` finds among his activities."""
        activities = self.env["mail.activity"].search(
            [("user_id", "=", user.id), ("res_model", "=", "aftersales.complaint")]
        )
        return [(a.res_id, a.summary, str(a.date_deadline)) for a in activities]

    def _new_task(self, complaint, **vals):
        return complaint.task_ids.create(
            {
                "complaint_id": complaint.id,
                "name": "Ask the line",
                "department_id": self.department_production.id,
                "user_id": self.worker.id,
                "date_due": "2026-07-10",
                **vals,
            }
        )

    def test_task_is_an_activity(self):
        """C7: who has a task finds it among his activities, on its day, until it is done."""
        complaint = self._bring(self._new_complaint(), "investigate")
        task = self._new_task(complaint)
        self.assertEqual(
            self._get_duties(self.worker), [(complaint.id, "Ask the line", "2026-07-10")]
        )
        task.date_due = "2026-07-12"
        self.assertEqual(
            self._get_duties(self.worker), [(complaint.id, "Ask the line", "2026-07-12")]
        )
        task.user_id = self.head
        self.assertFalse(self._get_duties(self.worker))
        self.assertEqual(
            self._get_duties(self.head), [(complaint.id, "Ask the line", "2026-07-12")]
        )
        own = task.with_user(self.head)
        self.env.flush_all()
        own.result = "Two men, night shift"
        self.assertTrue(self._get_duties(self.head), "entering the result doesn't end it")
        own.action_done()
        self.assertFalse(self._get_duties(self.head))

    def test_task_of_nobody(self):
        """C7: a task that whoever of the department takes is nobody's activity yet."""
        complaint = self._bring(self._new_complaint(), "investigate")
        task = self._new_task(complaint, user_id=False)
        self.assertFalse(task._get_activities())
        self.assertEqual(task.candidate_ids, self.worker | self.head)
        task.user_id = self.worker
        self.assertEqual(len(self._get_duties(self.worker)), 1)
        task.unlink()
        self.assertFalse(self._get_duties(self.worker))

    def test_action_is_an_activity(self):
        """C6: who has a corrective action finds it among his activities until it is done."""
        complaint = self._bring(self._new_complaint(), "improve")
        action = self._new_action(complaint)
        self.assertEqual(
            self._get_duties(self.worker), [(complaint.id, "Check each seal", "2026-07-10")]
        )
        action.action_cancel("Not needed")
        self.assertFalse(self._get_duties(self.worker))

    def test_activities_end_with_the_complaint(self):
        """C7: nobody is asked for a task on a complaint that is closed; reopened, he is."""
        complaint = self._bring(self._new_complaint(), "assign")
        self._new_task(complaint)
        complaint.action_back("Judged too fast")
        complaint.write({"verdict": "unfounded"})
        complaint = self._bring(complaint, "closed", verdict="unfounded")
        self.assertEqual(complaint.state, "closed")
        self.assertFalse(self._get_duties(self.worker))
        complaint.action_reopen("New facts")
        self.assertEqual(len(self._get_duties(self.worker)), 1)

    def test_activities_in_batches(self):
        """C7: the queries for the activities don't grow with the tasks given at once."""
        complaint = self._bring(self._new_complaint(), "investigate")

        def give(count):
            before = self.cr.sql_log_count
            self._new_task(complaint).create(
                [
                    {
                        "complaint_id": complaint.id,
                        "name": f"Ask {number}",
                        "department_id": self.department_production.id,
                        "user_id": self.worker.id,
                        "date_due": "2026-07-10",
                    }
                    for number in range(count)
                ]
            )
            self.env.flush_all()
            return self.cr.sql_log_count - before

        give(2)
        self.assertLessEqual(give(20), give(10) + 3)
