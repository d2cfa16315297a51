from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestRegion(AftersalesCommon):
    def test_province_in_two_regions_refused(self):
        """L2.11: a province belongs to one region; the message names province and region."""
        with (
            self.assertRaisesRegex(ValidationError, "Test province ZZ2 already .* “North”"),
            self.cr.savepoint(),
        ):
            self.other_region.state_ids = self.other_province | self.second_province

    def test_province_of_common_region_refused(self):
        """L2.11: a region of all companies and one of a single company can't share either."""
        vals = {"name": "All", "state_ids": [Command.set(self.province.ids)]}
        with (
            self.assertRaisesRegex(ValidationError, "already belong to the region “North”"),
            self.cr.savepoint(),
        ):
            self.region.create({**vals, "company_id": False})
        self.region.company_id = False
        with (
            self.assertRaisesRegex(ValidationError, "already belong to the region “North”"),
            self.cr.savepoint(),
        ):
            self.region.create({**vals, "company_id": self.company.id})

    def test_archived_region_frees_province(self):
        """L2.11: an archived region frees its provinces, and can't take them back when used."""
        self.region.active = False
        self.other_region.state_ids += self.province
        with (
            self.assertRaisesRegex(ValidationError, "already belong to the region “South”"),
            self.cr.savepoint(),
        ):
            self.region.active = True

    def test_same_province_in_other_company(self):
        """L2.11: companies divide the country each in their own way."""
        company = self.env["res.company"].create({"name": "Another company"})
        region = self.region.create(
            {
                "name": "Theirs",
                "company_id": company.id,
                "state_ids": [Command.set(self.province.ids)],
            }
        )
        regions = self.env["aftersales.region"]
        self.assertEqual(regions._get_region(self.customer, self.company), self.region)
        self.assertEqual(regions._get_region(self.customer, company), region)

    def test_region_of_customer(self):
        """L1.5: the province decides; without one there is no region."""
        regions = self.env["aftersales.region"]
        self.assertEqual(regions._get_region(self.customer, self.company), self.region)
        self.customer.state_id = self.other_province
        self.assertEqual(regions._get_region(self.customer, self.company), self.other_region)
        self.customer.state_id = False
        self.assertFalse(regions._get_region(self.customer, self.company))


@tagged("post_install", "-at_install")
class TestHierarchy(AftersalesCommon):
    def test_cycle_refused(self):
        """L1.5: nobody is responsible above themselves, neither directly nor over others."""
        with (
            self.assertRaisesRegex(ValidationError, "responsible above themselves"),
            self.cr.savepoint(),
        ):
            self.office.aftersales_parent_id = self.office
        self.assertEqual(self.center.aftersales_parent_id, self.office)
        with (
            self.assertRaisesRegex(ValidationError, "responsible above themselves"),
            self.cr.savepoint(),
        ):
            self.office.aftersales_parent_id = self.center

    def test_counts(self):
        """L3.6: the customer's file counts cards and requests, the center's its requests."""
        card = self._deliver("SN-1")
        self._new_request(card)
        self._new_request(card)
        self.assertEqual(self.customer.warranty_card_count, 1)
        self.assertEqual(self.customer.aftersales_request_count, 2)
        self.assertEqual(self.center.aftersales_request_count, 2)
        self.assertEqual(self.other_center.aftersales_request_count, 0)
        action = self.center.action_view_aftersales_requests()
        self.assertEqual(
            self.env["aftersales.request"].search(action["domain"]).center_id, self.center
        )


@tagged("post_install", "-at_install")
class TestRegionData(AftersalesCommon):
    def _get_region(self, state, city=False):
        partner = self.env["res.partner"].create(
            {
                "name": "Somebody",
                "city": city,
                "state_id": state and self.env.ref(f"base.state_cn_{state}").id,
            }
        )
        return self.env["aftersales.region"]._get_region(partner, self.company)

    def test_shipped_regions(self):
        """L2.11: each province returns in the week that the article says; none is left out."""
        weeks = {
            "1": "HL LN TJ BJ SX NM HE SC GZ SN GS QH NX XJ CQ YN",
            "2": "AH JS SH ZJ JX",
            "3": "HB HN SD HA GD GX HI",
            False: "FJ JL XZ TW HK MO",
        }
        for week, codes in weeks.items():
            for code in codes.split():
                with self.subTest(code=code):
                    self.assertEqual(self._get_region(code).return_week, week)
        # what stands in one list belongs together, what a “;” parts does not
        self.assertEqual(self._get_region("NM"), self._get_region("SX"))
        self.assertEqual(self._get_region("QH"), self._get_region("GS"))
        self.assertNotEqual(self._get_region("SX"), self._get_region("GS"))
        self.assertNotEqual(self._get_region("ZJ"), self._get_region("JX"))
        self.assertNotEqual(self._get_region("HA"), self._get_region("GD"))

    def test_city_outranks_province(self):
        """L2.11: Fuzhou, Xiamen and Quanzhou go with Jiangxi, the rest of Fujian with nobody."""
        region = self.env.ref("aftersales_service.region_fujian_jiangxi")
        for city in ("福州", "福州市", "Fuzhou", "FUZHOU CITY", " fuzhou ", "厦门市", "Quanzhou"):
            with self.subTest(city=city):
                self.assertEqual(self._get_region("FJ", city), region)
                self.assertEqual(self._get_region(False, city), region)
        for city in ("莆田", "Putian", "市", False):
            with self.subTest(city=city):
                self.assertFalse(self._get_region("FJ", city))
        # a city of that name in another province is another city
        self.assertEqual(
            self._get_region("GD", "Fuzhou"), self.env.ref("aftersales_service.region_south")
        )
        self.region.write(
            {"city_ids": [Command.create({"name": "Port", "state_id": self.other_province.id})]}
        )
        self.customer.write({"state_id": self.other_province.id, "city": "port city"})
        regions = self.env["aftersales.region"]
        self.assertEqual(regions._get_region(self.customer, self.company), self.region)
        self.customer.city = "Inland"
        self.assertEqual(regions._get_region(self.customer, self.company), self.other_region)

    def test_city_in_two_regions_refused(self):
        """L2.11: a city in two regions is refused however it is written; both are named."""
        fujian = self.env.ref("base.state_cn_FJ")
        both = "“Fujian coast and Jiangxi” and can't belong to “North”"
        for vals in (
            {"name": "fuzhou city"},
            {"name": "福州市"},
            {"name": "Hokchiu", "other_names": "Fu-chou, 福州"},
        ):
            with self.assertRaisesRegex(ValidationError, both), self.cr.savepoint():
                self.region.city_ids = [Command.create({**vals, "state_id": fujian.id})]
        self.region.city_ids = [Command.create({"name": "Putian", "state_id": fujian.id})]
        with self.assertRaisesRegex(ValidationError, "listed twice"), self.cr.savepoint():
            self.region.city_ids = [Command.create({"name": "PUTIAN", "state_id": fujian.id})]
        with self.assertRaisesRegex(ValidationError, both), self.cr.savepoint():
            self.region.city_ids.name = "Xiamen"

    def test_who_serves(self):
        """L2.11: one search box answers who serves a city or a province."""
        hangzhou = self.env["res.partner"].create(
            {
                "name": "Somebody",
                "city": "Test-on-sea",
                "state_id": self.env.ref("base.state_cn_ZJ").id,
            }
        )
        regions = self.env["aftersales.region"].with_user(self.office_manager)
        for text, xmlid in (
            ("福州市", "fujian_jiangxi"),
            ("xiamen", "fujian_jiangxi"),
            ("test-on-sea", "east"),
            ("浙江", "east"),
        ):
            with self.subTest(text=text):
                self.assertEqual(
                    regions.search([("place_name", "ilike", text)]),
                    self.env.ref(f"aftersales_service.region_{xmlid}"),
                )
        hangzhou.unlink()
        self.assertFalse(regions.search([("place_name", "ilike", "test-on-sea")]))

    def test_many_addresses(self):
        """L2.11: the regions of many addresses take as many queries as those of one."""
        partners = self.env["res.partner"].create(
            [{"name": str(i), "state_id": self.province.id, "city": str(i)} for i in range(40)]
        )
        regions = self.env["aftersales.region"]
        counts = []
        for some in (partners[:1], partners[:10], partners[10:]):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.assertEqual(set(regions._get_regions(some, self.company).values()), {self.region})
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(counts[1], counts[2])


@tagged("post_install", "-at_install")
class TestLevels(AftersalesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.store, cls.distributor = cls.env["res.partner"].create(
            [
                {"name": "Store", "aftersales_level": "store"},
                {"name": "Distributor", "aftersales_level": "distributor"},
            ]
        )

    def test_levels(self):
        """L1.5: office answers for store, store for distributor, and nobody for others."""
        self.store.aftersales_parent_id = self.office
        self.distributor.aftersales_parent_id = self.store
        self.center.aftersales_parent_id = self.store
        for partner, above, message in (
            (self.distributor, self.office, "level “Dealer store”"),
            (self.store, self.other_center, "Office or logistics partner"),
            (self.center, self.distributor, "Office .*Dealer store"),
            (self.other_office, self.office, "highest level"),
            (self.store, self.customer, "can't answer for Store"),
        ):
            with (
                self.subTest(partner=partner.name),
                self.assertRaisesRegex(ValidationError, message),
                self.cr.savepoint(),
            ):
                partner.aftersales_parent_id = above

    def test_level_of_those_with_others_below(self):
        """L1.5: a level isn't changed under those who depend on it."""
        self.store.aftersales_parent_id = self.office
        self.distributor.aftersales_parent_id = self.store
        with self.assertRaisesRegex(ValidationError, "Store can't answer"), self.cr.savepoint():
            self.store.write({"aftersales_level": "distributor", "aftersales_parent_id": False})
        with self.assertRaisesRegex(ValidationError, "is a regional office"), self.cr.savepoint():
            self.office.aftersales_level = "store"

    def test_cycle_across_companies(self):
        """L1.5: a cycle is found although one link belongs to a company out of sight."""
        company = self.env["res.company"].create({"name": "Another company"})
        partners = self.env["res.partner"]
        first = partners.create({"name": "First", "aftersales_parent_id": self.office.id})
        second = partners.create(
            {"name": "Second", "company_id": company.id, "aftersales_level": "office"}
        )
        # as an import that met no check would have left it
        self.env.cr.execute(
            "UPDATE res_partner SET aftersales_parent_id = %s WHERE id = %s",
            (first.id, second.id),
        )
        self.env.invalidate_all()
        self.customer_service.group_ids += self.env.ref("base.group_partner_manager")
        with (
            self.assertRaisesRegex(ValidationError, "responsible above themselves"),
            self.cr.savepoint(),
        ):
            first.with_user(self.customer_service).aftersales_parent_id = second

    def test_responsible_office(self):
        """L1.5: the office is found by going up, else by the region."""
        self.store.aftersales_parent_id = self.office
        self.distributor.aftersales_parent_id = self.store
        self.assertEqual(self.distributor._get_responsible_office(), self.office)
        self.assertEqual(self.office._get_responsible_office(), self.office)
        self.store.aftersales_parent_id = False
        self.assertFalse(self.distributor._get_responsible_office())
        self.distributor.aftersales_region_id = self.other_region
        self.assertEqual(self.distributor._get_responsible_office(), self.other_office)
        contact = self.env["res.partner"].create({"name": "A", "parent_id": self.center.id})
        self.assertEqual(contact._get_responsible_office(), self.office)

    def test_subordinates(self):
        """L1.5: the office counts its stores and their distributors; the button opens them."""
        self.store.aftersales_parent_id = self.office
        self.distributor.aftersales_parent_id = self.store
        office = self.office.with_user(self.office_manager)
        self.assertEqual(office.aftersales_child_count, 3)
        self.assertEqual(self.store.aftersales_child_count, 1)
        self.assertEqual(self.customer.aftersales_child_count, 0)
        found = office.search(office.action_view_subordinates()["domain"])
        self.assertEqual(found, self.center | self.store | self.distributor)
