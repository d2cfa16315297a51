from ast import literal_eval

from freezegun import freeze_time

from odoo.tests import HttpCase, tagged

from .deadline_common import NINE, DeadlineCommon
from .screen_common import ScreenMixin

SCREENS = {
    "action_dispatch": ("kanban", "list"),
    "action_my_work": ("kanban",),
    "action_request": ("list", "kanban"),
}


@tagged("post_install", "-at_install")
class TestDispatchScreens(ScreenMixin, DeadlineCommon):
    @freeze_time(NINE)
    def test_queries(self):
        """Speed: 50 open requests on the screens of dispatch cost the queries of 10."""
        trade = self.env["aftersales.qualification.type"].create({"name": "Electrician"})
        machines = [self._new_machine(f"Machine {i}", self.policy) for i in range(5)]
        for machine in machines[:2]:
            machine.trade_ids = trade
        cards = [
            self._deliver(f"S-{i}", product=machines[i % 5], partner=self.customer.copy())
            for i in range(10)
        ]
        technicians = []
        for i in range(5):
            user = self._new_user("technician", login=f"test_screen_{i}")
            user.partner_id.parent_id = self.center
            self.env["aftersales.qualification"].create(
                {"partner_id": user.partner_id.id, "type_id": trade.id, "date_from": "2026-01-01"}
            )
            technicians.append(user)
        requests = self.env["aftersales.request"]
        for i in range(50):
            request = self._new_request(cards[i % 10], technician_id=technicians[i % 5].id)
            requests |= request
            if i % 3:
                request.action_assign()
                self.env["aftersales.appointment"].create(
                    {
                        "request_id": request.id,
                        "date_start": f"2026-07-{2 + i // 5:02} 0{i % 5}:00:00",
                    }
                )
            if i % 3 == 2:
                self.env["aftersales.service.record"].create(
                    {"request_id": request.id, "technician_id": request.technician_id.id}
                )
        self._assert_constant(requests, SCREENS, (self.clerk, self.center_user))

    @freeze_time(NINE)
    def test_route(self):
        """E7: the route list goes by technician, day of the company's clock, and time."""
        appointments = self.env["aftersales.appointment"]
        for start in ("2026-07-01 16:30:00", "2026-07-01 06:00:00", "2026-07-01 02:00:00"):
            appointments |= appointments.create(
                {"request_id": self._assigned(150).id, "date_start": start}
            )
        routes = appointments._get_routes()
        self.assertEqual([str(r["day"]) for r in routes], ["2026-07-01", "2026-07-02"])
        self.assertEqual(routes[0]["appointments"].ids, appointments[:0:-1].ids)
        report = self.env["ir.actions.report"].with_user(self.technician)
        html = report._render_qweb_html("aftersales_service.report_route", appointments.ids)[0]
        text = html.decode()
        # wkhtmltopdf without patched Qt prints one document at a time
        self.assertEqual(text.count('class="article"'), 1)
        self.assertEqual(text.count("page-break-before: always"), 1)
        self.assertIn("tel:+86 10 5555 0001", text)
        for words in ("Northern Quarry", "Does not lift", "SN-1", ">150<"):
            self.assertIn(words, text)
        # in the order of the day, whether the language counts to twelve or to twenty-four hours
        self.assertRegex(text, r"(?s)10:00.*(14:00|\b0?2:00[^<]{0,12}PM)")

    def test_board_columns(self):
        """E7: on the board who has nothing to do has a column, too; a center sees its own."""
        self.other_technician.active = False
        idle, theirs = (
            self._new_user("technician", login=f"test_board_{i}") for i in ("idle", "theirs")
        )
        idle.partner_id.parent_id = self.center
        theirs.partner_id.parent_id = self.other_center
        requests = self._assigned() | self._assigned(center_id=self.other_center.id)
        for user, expected in (
            (self.clerk, idle | theirs | self.technician),
            (self.center_user, idle | self.technician),
        ):
            groups = (
                self.env["aftersales.request"]
                .with_user(user)
                .with_context(show_technicians=True, read_group_expand=True)
                .web_read_group([("id", "in", requests.ids)], ["technician_id"], ["__count"])
            )
            shown = {g["technician_id"][0] for g in groups["groups"] if g["technician_id"]}
            with self.subTest(user.login):
                self.assertLessEqual(set(expected.ids), shown)
                self.assertEqual(theirs.id in shown, theirs in expected)

    def test_my_work_own(self):
        """Mistake 6: each technician finds his own work, each center its own."""
        mine = self._assigned()
        theirs = self._assigned(
            technician_id=self.other_technician.id, center_id=self.other_center.id
        )
        self._new_request(self.card)  # not assigned yet
        action = self.env.ref("aftersales_service.action_my_work")
        domain = [*literal_eval(action.domain), ("id", "in", (mine | theirs).ids)]
        requests = self.env["aftersales.request"]
        for user, found in (
            (self.technician, mine),
            (self.center_user, mine),
            (self.other_technician, theirs),
            (self.other_center_user, theirs),
        ):
            self.assertEqual(requests.with_user(user).search(domain), found)

    def test_unfinished_record_continued(self):
        """E7: the button goes on with the record that was begun, signed or not."""
        request = self._assigned()
        record = self._new_record(request)
        self.assertEqual(request.open_record_id, record)
        self._sign(self._fill(record))
        self.assertEqual(request.action_create_record()["res_id"], record.id)
        record.action_done()
        request.invalidate_recordset()
        self.assertFalse(request.open_record_id)

    def _fill(self, record):
        record.write(self._complete_vals(record.request_id))
        return record


@tagged("post_install", "-at_install")
class TestDispatchUi(DeadlineCommon, HttpCase):
    def test_dispatch_tour(self):
        """E7: the clerk makes the appointment; the technician finds it and starts the visit."""
        request = self._new_request(self.card, technician_id=False)
        request.write({"description": "Tour of dispatch"})
        self.technician.partner_id.parent_id = self.center
        self.start_tour(
            f"/odoo/action-aftersales_service.action_request/{request.id}",
            "aftersales_dispatch_clerk",
            login=self.clerk.login,
        )
        self.assertEqual(request.state, "assigned")
        self.assertTrue(request.technician_id)
        appointment = request.appointment_id
        self.assertEqual(appointment.state, "confirmed")
        # whoever was proposed: this one comes
        appointment.technician_id = self.technician
        self.start_tour("/odoo", "aftersales_dispatch_technician", login=self.technician.login)
        self.assertEqual(request.record_ids.technician_id, self.technician)
