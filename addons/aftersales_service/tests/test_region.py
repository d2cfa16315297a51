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
