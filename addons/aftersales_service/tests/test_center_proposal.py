from odoo.tests import tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestCenterProposal(AftersalesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.city = "Northport"
        vals = {"is_service_center": True, "is_company": True, "phone": "+86 10 5555 0100"}
        cls.far, cls.near, cls.unknown, cls.in_city, cls.in_region = cls.env["res.partner"].create(
            [
                {**vals, "name": name, "city": city, "state_id": state.id, **more}
                for name, city, state, more in (
                    # Beijing is 1,068 km from Shanghai, Tianjin 958 km, as the crow flies
                    ("Far", "A", cls.province, cls._at(39.9042, 116.4074)),
                    ("Near", "B", cls.province, cls._at(39.0842, 117.2009)),
                    ("Unknown", "C", cls.province, {}),
                    ("In the city", "northport CITY", cls.province, {}),
                    ("In the region", "D", cls.second_province, cls._at(31.2304, 121.4737)),
                )
            ]
        )
        centers = cls.far | cls.near | cls.unknown | cls.in_city | cls.in_region
        centers.aftersales_region_id = cls.region
        cls.customer.write(cls._at(31.2304, 121.4737))

    @classmethod
    def _at(cls, latitude, longitude):
        return {"partner_latitude": latitude, "partner_longitude": longitude}

    def _propose(self, partner=None):
        partner = partner or self.customer
        return partner._get_service_centers(self.company)[partner]

    def test_order(self):
        """L2.1: same city, province, region; nearest first; no center of another region."""
        self.assertEqual(
            self._propose().mapped("name"),
            ["In the city", "Near", "Far", "Unknown", "In the region", "Center North"],
        )
        self.assertAlmostEqual(self.customer._get_distance(self.far), 1068, delta=5)
        self.assertNotIn(self.other_center, self._propose())

    def test_fewest_open_requests(self):
        """L2.1: of two centers alike the one with fewer open requests is proposed."""
        (self.near | self.far | self.in_city).center_state = "suspended"
        second = self.unknown.copy(
            {"is_service_center": True, "aftersales_region_id": self.region.id}
        )
        self.assertEqual(self._propose()[:2], self.unknown | second)
        request = self._new_request(center_id=self.unknown.id, partner_id=self.customer.id)
        self.assertEqual(self._propose()[:2], second | self.unknown)
        request.action_cancel("Done by phone")
        self.assertEqual(self._propose()[:2], self.unknown | second)

    def test_never_suspended(self):
        """L2.1: suspended, closed and archived centers are never proposed."""
        self.in_city.center_state = "suspended"
        self.near.center_state = "closed"
        self.far.active = False
        self.assertEqual(self._propose()[:1], self.unknown)
        self.assertFalse({self.in_city, self.near, self.far} & set(self._propose()))

    def test_city_outranks_province(self):
        """L2.11: a center of the province isn't responsible for a city of another region."""
        self.other_region.city_ids = [
            (0, 0, {"name": "Northport", "state_id": self.province.id}),
        ]
        self.assertEqual(self._propose(), self.other_center)

    def test_request(self):
        """L2.1: the request proposes the center with address and phone; the clerk may change it."""
        requests = self.env["aftersales.request"].with_user(self.clerk)
        vals = {
            "description": "Does not lift",
            "partner_id": self.customer.id,
            "product_id": self.machine.id,
            "date_purchase": "2020-01-01",
        }
        request = requests.create(vals)
        self.assertEqual(request.center_id, self.in_city)
        self.assertEqual(request.center_address, "Test province ZZ1 northport CITY")
        self.assertEqual(request.center_phone, "+86 10 5555 0100")
        request.center_id = self.near
        request.description = "Does not lift at all"
        self.assertEqual(request.center_id, self.near)
        request.action_assign()
        self.customer.city = "Elsewhere"
        self.assertEqual(request.center_id, self.near)
        self.assertEqual(requests.create({**vals, "center_id": self.far.id}).center_id, self.far)
        self.assertFalse(requests.create({**vals, "center_id": False}).center_id)

    def test_many_requests(self):
        """L2.1: proposing centers takes as many queries for many requests as for few."""
        partners = self.env["res.partner"].create(
            [{"name": str(i), "state_id": self.province.id, "city": str(i)} for i in range(31)]
        )
        counts = []
        for some in (partners[:1], partners[1:11], partners[11:]):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            centers = some._get_service_centers(self.company)
            self.assertEqual({found[:1] for found in centers.values()}, {self.far})
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(counts[1], counts[2])

    def test_slip(self):
        """L2.1: the slip names center, address, phone and opening hours, from all three places."""
        self.in_city.opening_hours = "Mon-Sat 8:30-17:30"
        request = self._new_request(partner_id=self.customer.id, center_id=self.in_city.id)
        reports = self.env["ir.actions.report"].with_user(self.clerk)
        for kind, record in (
            ("request", request),
            ("partner", self.in_city),
            ("partner", self.customer),
        ):
            html = reports._render_qweb_html(
                f"aftersales_service.report_center_slip_{kind}", record.ids
            )[0].decode()
            for text in ("In the city", "northport CITY", "5555 0100", "Mon-Sat 8:30-17:30"):
                self.assertIn(text, html)
        self.in_city.center_state = "suspended"
        html = reports._render_qweb_html(
            "aftersales_service.report_center_slip_partner", self.in_city.ids
        )[0].decode()
        self.assertNotIn("northport CITY", html)
        self.assertIn("No service center works in your area", html)
