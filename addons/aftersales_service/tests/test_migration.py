from odoo import fields
from odoo.fields import Command
from odoo.modules.migration import load_script
from odoo.tests import tagged
from odoo.tools import SQL, file_path, sql

from .common import AftersalesCommon

PREVIOUS = "19.0.1.0.0"


@tagged("post_install", "-at_install")
class TestMigration(AftersalesCommon):
    """Rows are put into the shape of the previous release; the scripts bring them up again."""

    def _migrate(self, stage):
        path = file_path(f"aftersales_service/migrations/19.0.1.1.0/{stage}-keep.py")
        self.env.flush_all()
        load_script(path, f"{stage}-keep").migrate(self.cr, PREVIOUS)
        self.env.invalidate_all()

    def _drop(self, table, *columns):
        self.env.flush_all()
        for column in columns:
            self.cr.execute(
                SQL("ALTER TABLE %s DROP COLUMN %s", SQL.identifier(table), SQL.identifier(column))
            )
        self.env.invalidate_all()

    def _drop_cover_columns(self):
        self._drop("aftersales_warranty_card", "date_delivery")
        self._drop("aftersales_warranty_policy", "proof_required")
        cover = "aftersales_warranty_coverage"
        self._drop(cover, "duration", "policy_line_id", "regulation_id")
        sql.convert_column_translatable(self.cr, cover, "component", "varchar")

    def _issue_card(self, day):
        return self.env["aftersales.warranty.card"].create(
            {
                "partner_id": self.customer.id,
                "product_id": self.machine.id,
                "serial_number": "M-0",
                "policy_id": self.policy.id,
                "date_delivery": day,
            }
        )

    def test_cards_keep_dates_and_cover(self):
        """L1.1: cards issued by hand stay covered to the day, by the same line, without proof."""
        day = fields.Date.to_date("2024-08-31")
        card = self._issue_card(day)
        before = [
            (c.date_start, c.date_end, c.kind, c.duration, c.policy_line_id, c.component)
            for c in card.coverage_ids
        ]
        # half a year from 31 August ends with February
        end = fields.Date.to_date("2025-02-28")
        line = card.coverage_ids._find_terms(self.pump)
        self.assertEqual((line.date_end, line.duration), (end, 6))
        self.assertFalse(card._get_coverage(self.pump, end), "no proof: not covered")
        self._drop_cover_columns()
        self._migrate("pre")
        self.assertEqual(card.date_delivery, day)
        self.assertEqual((card.date_start, card.date_end), (day, max(b[1] for b in before if b[1])))
        self.assertEqual(
            [
                (c.date_start, c.date_end, c.kind, c.duration, c.policy_line_id, c.component)
                for c in card.coverage_ids
            ],
            before,
        )
        self.assertEqual(card._get_coverage(self.pump, end), line)
        self.assertFalse(card._get_coverage(self.pump, fields.Date.add(end, days=1)))

    def test_months_by_the_days_on_the_card(self):
        """L1.1: a line changed or deleted since doesn't change the months of an issued card."""
        cover = self._issue_card("2025-08-31").coverage_ids[0]
        self.env.flush_all()
        self.cr.execute(
            SQL(
                "UPDATE aftersales_warranty_coverage SET date_end = '2026-02-28', component = %s "
                "WHERE id = %s",
                '{"en_US": "Of old"}',
                cover.id,
            )
        )
        self._drop_cover_columns()
        self._migrate("pre")
        self.assertEqual((cover.duration, cover.component), (6, "Of old"))
        self.assertFalse(cover.policy_line_id)

    def test_second_run_changes_nothing(self):
        """What users chose after the upgrade survives when the script is run once more."""
        self.policy.proof_required = True
        self.other_center.sudo().center_state = "suspended"
        self._migrate("pre")
        self.assertTrue(self.policy.proof_required)
        self.assertEqual(self.other_center.center_state, "suspended")

    def test_network_gets_levels(self):
        """L1.5: who answers for whom makes the levels; centers go on working."""
        store, distributor = self.env["res.partner"].create([{"name": "Store"}, {"name": "Dist."}])
        self._drop("res_partner", "center_state", "aftersales_level")
        self.cr.execute(
            SQL(
                "UPDATE res_partner SET aftersales_parent_id = CASE id WHEN %s THEN %s ELSE %s END "
                "WHERE id IN %s",
                store.id,
                self.office.id,
                store.id,
                (store.id, distributor.id),
            )
        )
        self._migrate("pre")
        network = self.office | store | distributor | self.center
        self.assertEqual(
            network.mapped("aftersales_level"), ["office", "store", "distributor", False]
        )
        self.assertEqual(network.mapped("center_state"), [False, False, False, "active"])
        network._check_aftersales_parent_id()

    def test_deadlines_keep_their_due_moment(self):
        """H6: what is due was promised so from the start, for the region of the request."""
        request = self._new_request(self._deliver("M-1"), distance=150)
        request.action_assign()
        deadlines = request.deadline_ids
        due = deadlines.mapped("date_due")
        self.assertTrue(due)
        self._drop(
            "aftersales_deadline", "date_due_original", "met_rate", "original_rate", "region_id"
        )
        self._migrate("pre")
        self.assertEqual(deadlines.mapped("date_due"), due)
        self.assertEqual(deadlines.mapped("date_due_original"), due)
        self.assertEqual(deadlines.region_id, request.region_id)

    def _make_previous_rule(self, name, start, stop, domain="[]"):
        """Return a rule as the previous release kept it, its events as texts."""
        rule = self.env["aftersales.deadline.rule"].create(
            {
                "name": name,
                "start_event_id": self.env.ref("aftersales_service.deadline_event_request_done").id,
                "stop_event_id": self.env.ref(
                    "aftersales_service.deadline_event_request_received"
                ).id,
            }
        )
        self.env.flush_all()
        self.cr.execute(
            SQL(
                "UPDATE aftersales_deadline_rule SET start_event_id = NULL, stop_event_id = NULL, "
                "start_event = %s, stop_event = %s, domain = %s WHERE id = %s",
                start,
                stop,
                domain,
                rule.id,
            )
        )
        self.env.invalidate_all()
        return rule

    def test_rules_keep_their_meaning(self):
        """M3.1, H3: each rule once, with its events, condition and time."""
        table = "aftersales_deadline_rule"
        for column in ("start_event_id", "stop_event_id"):
            sql.drop_not_null(self.cr, table, column)
        for column in ("start_event", "stop_event"):
            sql.create_column(self.cr, table, column, "varchar")
        in_warranty = self._make_previous_rule(
            "Own arrival", "assigned", "arrived", "[('card_id.date_end', '>=', today)]"
        )
        urgent = self._make_previous_rule(
            "Own urgent", "received", "assigned", "[('urgency','=','2')]"
        )
        unknown = self._make_previous_rule("Own event", "done", "told")
        calculated = self._make_previous_rule(
            "Own calculated",
            "assigned",
            "done",
            "[('card_id.date_end', '>', today.replace(day=1))]",
        )
        shipped = self.env.ref("aftersales_service.deadline_rule_urgent")
        arrival = self.env.ref("aftersales_service.deadline_rule_arrival_200")
        arrival.write({"offset": 5, "warning_hours": 0})
        with self.assertLogs("post-keep", "WARNING") as logs:
            self._migrate("post")
        self.assertEqual(len(logs.output), 1)
        self.assertIn("Own calculated", logs.output[0])
        self.assertEqual(
            (in_warranty.start_event_id.code, in_warranty.stop_event_id.code),
            ("assigned", "arrived"),
        )
        self.assertEqual(in_warranty.domain, "[('card_id.date_end', '>=', 'today')]")
        self.assertEqual((urgent.active, shipped.active), (True, False))
        self.assertEqual(unknown.stop_event_id.name, "told")
        self.assertEqual(unknown.stop_event_id.model, "aftersales.request")
        self.assertFalse(calculated.active, "its condition would keep requests from being handled")
        self.assertEqual((arrival.offset, arrival.warning_hours), (5, 1))
        # the promise is made by both arrival rules as before
        request = self._new_request(self._deliver("M-1"), distance=150)
        request.action_assign()
        self.assertLessEqual(in_warranty | arrival, request.deadline_ids.rule_id)
        self.assertFalse(request.deadline_ids.rule_id & (shipped | calculated))

    def test_hours_of_service_records(self):
        """M5: valid records tell the hours of the unit, unless its meter went back once."""
        card, other = self._deliver("M-1", "M-2")
        for unit, meters in ((card, (100, 100.5)), (other, (100, 60))):
            for day, meter in zip(("2026-01-10", "2026-02-10"), meters, strict=True):
                record = self._new_record(self._new_request(unit))
                self.env.flush_all()
                self.cr.execute(
                    SQL(
                        "UPDATE aftersales_service_record SET state = 'done', service_date = %s, "
                        "hour_meter = %s WHERE id = %s",
                        day,
                        meter,
                        record.id,
                    )
                )
        self.env.invalidate_all()
        for _run in range(2):
            self._migrate("post")
            self.assertEqual(card.reading_ids.mapped("hours"), [100.5, 100])
            self.assertEqual(card.operating_hours, 100.5)
            self.assertFalse(other.reading_ids)

    def test_own_regions_keep_their_provinces(self):
        """L2.11: shipped regions take what is free; a province of one's own keeps its cities."""
        regions = self.env["aftersales.region"]
        guangdong, fujian = (self.env.ref(f"base.state_cn_{code}") for code in ("GD", "FJ"))
        shipped = regions.union(
            *(self.env.ref(f"aftersales_service.region_{n}") for n in ("south", "fujian_jiangxi"))
        )
        shipped.unlink()
        own = regions.create({"name": "Own", "state_ids": [Command.set((guangdong | fujian).ids)]})
        self._migrate("post")
        south = self.env.ref("aftersales_service.region_south")
        self.assertEqual(set(south.state_ids.mapped("code")), self._get_codes("GX", "HI"))
        self.assertEqual(own.state_ids, guangdong | fujian)
        self.assertFalse(self.env.ref("aftersales_service.region_fujian_jiangxi").city_ids)
        customer = self.customer.copy({"state_id": fujian.id, "city": "Xiamen"})
        self.assertEqual(regions._get_region(customer, self.company), own)
        # without one's own, the cities are there as shipped
        own.unlink()
        (south | self.env.ref("aftersales_service.region_fujian_jiangxi")).unlink()
        self._migrate("post")
        south = self.env.ref("aftersales_service.region_south")
        self.assertEqual(set(south.state_ids.mapped("code")), self._get_codes("GD", "GX", "HI"))
        self.assertEqual(
            regions._get_region(customer, self.company),
            self.env.ref("aftersales_service.region_fujian_jiangxi"),
        )

    def _get_codes(self, *codes):
        return {self.env.ref(f"base.state_cn_{code}").code for code in codes}


@tagged("post_install", "-at_install")
class TestMigrationOfServiceDesk(AftersalesCommon):
    """The same for 19.0.1.2.0, as far as no other test is about its scripts."""

    def _migrate(self, name):
        path = file_path(f"aftersales_service/migrations/19.0.1.2.0/{name}.py")
        self.env.flush_all()
        load_script(path, name).migrate(self.cr, "19.0.1.1.0")
        self.env.invalidate_all()

    def test_finished_requests_say_how(self):
        """M1: requests finished before this release were solved by a visit, when it was signed."""
        cards = self._deliver("M-1", "M-2", "M-3")
        visited, by_hand, running = (self._new_request(card) for card in cards)
        remote = self._new_request(cards[2])
        for state, day in (("done", "01"), ("done", "02"), ("signed", "03")):
            record = self._new_record(visited)
            self.env.flush_all()
            self.cr.execute(
                SQL(
                    "UPDATE aftersales_service_record SET state = %s, signed_on = %s WHERE id = %s",
                    state,
                    f"2026-03-{day} 02:00:00",
                    record.id,
                )
            )
            self.env.invalidate_all()
        self.cr.execute(
            SQL(
                "UPDATE aftersales_request SET state = 'done', resolution = NULL, date_done = NULL "
                "WHERE id IN %s",
                (visited | by_hand | remote)._ids,
            )
        )
        # what this release finished says itself how
        self.cr.execute(
            SQL(
                "UPDATE aftersales_request SET resolution = 'remote', "
                "date_done = '2026-04-01 02:00:00' WHERE id = %s",
                remote.id,
            )
        )
        self.env.invalidate_all()
        for _twice in range(2):
            self._migrate("post-dispatch")
            self.assertEqual(
                (visited.resolution, str(visited.date_done)), ("on_site", "2026-03-02 02:00:00")
            )
            self.assertEqual((by_hand.resolution, by_hand.date_done), ("on_site", False))
            self.assertEqual(
                (remote.resolution, str(remote.date_done)), ("remote", "2026-04-01 02:00:00")
            )
            self.assertFalse(running.resolution)
            self.assertFalse(running.date_done)

    def test_shipped_questions_get_names(self):
        """M4, E8: the questions of an updated database are translated as those of a fresh one."""
        questions = self.env.ref("aftersales_service.survey_sale").question_ids
        names = questions.get_external_id()
        self.assertIn("aftersales_service.survey_question_sale_1", names.values())
        other = self.env.ref("aftersales_service.survey_service").question_ids
        lines = self.env.ref("aftersales_service.policy_ceiling_lamp").line_ids
        self.env["ir.model.data"].search(
            [
                ("model", "in", (questions._name, lines._name)),
                ("res_id", "in", (questions | other).ids + lines.ids),
            ]
        ).unlink()
        # a question that users changed is theirs
        self.env.flush_all()
        self.cr.execute(
            SQL(
                "UPDATE aftersales_survey_question SET write_date = create_date + interval '1 s' "
                "WHERE id = %s",
                other[0].id,
            )
        )
        self.env.invalidate_all()
        for _twice in range(2):
            self._migrate("post-names")
            self.assertEqual(questions.get_external_id(), names)
            self.assertFalse(any(other.get_external_id().values()))
            self.assertTrue(all(lines.get_external_id().values()))
