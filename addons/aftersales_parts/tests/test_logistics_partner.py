from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.modules.migration import load_script
from odoo.tests import new_test_user, tagged
from odoo.tools import file_path, mute_logger

from .common import SERVICE, freeze
from .test_center import QuotaCommon

REGION = (
    "['|', ('region_id.manager_id', '=', user.id), "
    "('region_id.office_id', 'parent_of', user.partner_id.id)]"
)


@freeze
@tagged("post_install", "-at_install")
class TestLogisticsPartner(QuotaCommon):
    """物流商: swaps and returns as an office does, without being the office of the region."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = cls._make_logistics_partner("Agent")
        cls.center.aftersales_parent_id = cls.agent
        cls.users["agent"] = cls._make_agent_user("parts_agent", "office_manager", cls.agent)
        cls.users["agent_staff"] = cls._make_agent_user("parts_agent_staff", "center", cls.agent)
        other = cls._make_logistics_partner("Other agent")
        cls.users["other_agent"] = cls._make_agent_user(
            "parts_other_agent", "office_manager", other
        )
        cls.users["other_staff"] = cls._make_agent_user("parts_other_staff", "center", other)

    @classmethod
    def _make_logistics_partner(cls, name):
        return cls.env["res.partner"].create(
            {
                "name": name,
                "is_company": True,
                "aftersales_level": "office",
                "aftersales_region_id": cls.region.id,
            }
        )

    @classmethod
    def _make_agent_user(cls, login, role, partner):
        user = new_test_user(cls.env, login, groups=f"{SERVICE}{role}")
        user.partner_id.parent_id = partner
        return user

    def _tags(self):
        return self._make_record([self._part(self.pump), self._part(self.pump)]).used_part_ids

    def _swap(self, tags, user="agent", **vals):
        return (
            self.env["aftersales.swap"]
            .with_user(self.users[user])
            .create(
                {
                    "center_id": self.center.id,
                    "line_ids": [Command.create({"used_part_id": tag.id}) for tag in tags],
                    **vals,
                }
            )
        )

    def test_swap(self):
        """L1.6: 憑有故障配件向物流商或辦事處更換配件: it takes the old parts and keeps them."""
        tags = self._tags()
        swap = self._swap(tags[0])
        self.assertEqual(swap.office_id, self.agent, "it answers for the center")
        swap.action_done()
        self.assertEqual((tags[0].state, tags[0].keeper_id), ("held", self.agent))
        self.assertEqual(
            self._location_of(tags[0]), self.agent._get_used_part_location(self.company)
        )
        # the office of the region may be chosen
        self._swap(tags[1], user="clerk", office_id=self.office.id).action_done()
        self.assertEqual(tags[1].keeper_id, self.office)

    def test_answers_through_a_store(self):
        """L1.5, L1.6: the center is below a dealer store, which is below the logistics partner."""
        store = self.env["res.partner"].create(
            {
                "name": "Store",
                "is_company": True,
                "aftersales_level": "store",
                "aftersales_parent_id": self.agent.id,
            }
        )
        self.center.aftersales_parent_id = store
        tag = self._tags()[0]
        with self.assertRaisesRegex(ValidationError, "not the office of"), self.cr.savepoint():
            self._swap(tag, user="clerk", office_id=store.id)
        swap = self._swap(tag)
        self.assertEqual(swap.office_id, self.agent)
        swap.action_done()
        with self.assertRaisesRegex(UserError, "nor an office or logistics"), self.cr.savepoint():
            self._make_return(center=store, user=self.users["clerk"])

    def test_return(self):
        """L2.3, L2.4, L2.6: 再由物流商或辦事處每月定期集中返廠: from application to answer."""
        tag = self._tags()[0]
        self._swap(tag).action_done()
        agent = self.users["agent"]
        document = self.env["aftersales.return"].with_user(agent).create({})
        self.assertEqual(document.center_id, self.agent)
        self.assertEqual(document.region_id, self.region)
        self.assertEqual(document.freight_payer, "company")
        document.action_collect()
        self.assertEqual(document.line_ids.used_part_id, tag)
        document.action_submit()
        # the manager of the office or region looks at the goods, not the firm's own people
        colleague = self._make_agent_user("parts_colleague", "office_manager", self.agent)
        with self.assertRaisesRegex(AccessError, "belongs to the sender"), self.cr.savepoint():
            document.with_user(colleague).action_approve()
        document.with_user(self.users["office_manager"]).action_approve()
        document.with_user(self.users["customer_service"]).action_approve()
        document.action_ship()
        self.assertEqual(self._location_of(tag), self.warehouse.used_part_transit_loc_id)
        document.with_user(self.users["logistics"]).action_receive([tag.name])
        self._verify_return(document)
        self.assertEqual(tag.result, "accepted")
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.cr.savepoint():
            document.copy({"month": document.month})

    def test_its_staff(self):
        """L2.3: its people who have the role of a center return what it keeps, and swap nothing."""
        tags = self._tags()
        swap = self._swap(tags[0])
        swap.action_done()
        staff = self.users["agent_staff"]
        own = self.env["aftersales.used.part"].with_user(staff).search([("id", "in", tags.ids)])
        self.assertEqual(own, tags[0], "not what the center still keeps")
        self.assertEqual(swap.with_user(staff).line_ids.tag, tags[0].name)
        document = self._make_return(center=self.agent, user=staff)
        self.assertEqual(document.line_ids.used_part_id, tags[0])
        document.action_submit()
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._swap(tags[1], user="agent_staff")

    def test_another_one(self):
        """L2.3: another logistics partner sees neither tags nor swaps nor returns of this one."""
        tags = self._tags()
        swap = self._swap(tags[0])
        swap.action_done()
        document = self._make_return(center=self.agent, user=self.users["agent"])
        for role in ("other_agent", "other_staff"):
            for records in (tags, swap, swap.line_ids, document, document.line_ids):
                found = records.with_user(self.users[role]).search([("id", "in", records.ids)])
                self.assertFalse(found, f"{role}: {records._name}")

    def test_storage(self):
        """M10.1: it stores what it keeps in its own places, and keeps again what came back."""
        tag = self._tags()[0]
        self._swap(tag).action_done()
        places = self.env["aftersales.storage.place"].with_user(self.users["agent"])
        place = places.create({"name": "Shelf"})
        self.assertEqual(place.keeper_id, self.agent)
        tag.with_user(self.users["agent"])._store(place)
        self.assertEqual(tag.place_id, place)
        with self.assertRaisesRegex(UserError, "office or logistics partner"), self.cr.savepoint():
            self.env["aftersales.storage.place"].create(
                {"name": "Shelf", "keeper_id": self.customer.id}
            )

    def test_migrated_rules(self):
        """L2.3: rules of an earlier release follow; what an administrator wrote stays."""
        rules = [
            self.env.ref(f"aftersales_parts.rule_{name}")
            for name in ("used_part_region", "return_region", "return_line_region")
        ]
        shipped = [rule.domain_force for rule in rules]
        for rule in rules[:-1]:
            rule.domain_force = REGION
        rules[-1].domain_force = "[(0, '=', 1)]"
        path = file_path("aftersales_parts/migrations/19.0.1.3.0/post-rule.py")
        load_script(path, "post-rule").migrate(self.cr, "19.0.1.2.0")
        self.assertEqual([rule.domain_force for rule in rules[:-1]], shipped[:-1])
        self.assertEqual(rules[-1].domain_force, "[(0, '=', 1)]")
