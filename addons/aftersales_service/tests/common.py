from odoo import fields
from odoo.addons.mail.tests.common import mail_new_test_user
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import TransactionCase

# one transparent pixel
PIXEL = (
    b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5E"
    b"rkJggg=="
)


class AftersalesCommon(TransactionCase):
    """A network with two centers, a machine with its parts, and one user per role.

    Everything is new, so that the tests run on a database with demo data as well as without.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # messages are compared in English, also where the database speaks Chinese
        cls.env = cls.env(context={**cls.env.context, "lang": "en_US"})
        cls.company = cls.env.company
        # so are those that the system writes by itself, in the company's language
        cls.company.partner_id.write({"tz": "Asia/Shanghai", "lang": "en_US"})
        # and those to customers, and to users who take on the language of whom they work for
        cls.env["res.lang"]._activate_lang("en_US")
        cls.env["ir.default"].set("res.partner", "lang", "en_US")
        cls._set_up_network()
        cls._set_up_users()
        cls._set_up_products()

    @classmethod
    def _set_up_network(cls):
        partners = cls.env["res.partner"]
        china = cls.env.ref("base.cn")
        cls.province, cls.second_province, cls.other_province = cls.env["res.country.state"].create(
            [
                {"name": f"Test province {code}", "code": code, "country_id": china.id}
                for code in ("ZZ1", "ZZ2", "ZZ3")
            ]
        )
        cls.office, cls.other_office = partners.create(
            [
                {"name": name, "is_company": True, "is_regional_office": True}
                for name in ("Office North", "Office South")
            ]
        )
        cls.region, cls.other_region = cls.env["aftersales.region"].create(
            [
                {
                    "name": "North",
                    "office_id": cls.office.id,
                    "state_ids": [Command.set((cls.province | cls.second_province).ids)],
                },
                {
                    "name": "South",
                    "office_id": cls.other_office.id,
                    "state_ids": [Command.set(cls.other_province.ids)],
                },
            ]
        )
        cls.center, cls.other_center = partners.create(
            [
                {
                    "name": name,
                    "is_company": True,
                    "is_service_center": True,
                    "aftersales_region_id": region.id,
                    "aftersales_parent_id": office.id,
                }
                for name, region, office in (
                    ("Center North", cls.region, cls.office),
                    ("Center South", cls.other_region, cls.other_office),
                )
            ]
        )
        cls.customer, cls.other_customer = partners.create(
            [
                {
                    "name": name,
                    "is_company": True,
                    "phone": phone,
                    "country_id": china.id,
                    "state_id": province.id,
                }
                for name, phone, province in (
                    ("Northern Quarry", "+86 10 5555 0001", cls.province),
                    ("Southern Quarry", "+86 20 5555 0002", cls.other_province),
                )
            ]
        )

    @classmethod
    def _set_up_users(cls):
        cls.clerk = cls._new_user("clerk")
        cls.technician = cls._new_user("technician")
        cls.other_technician = cls._new_user("technician", login="test_technician_2")
        cls.center_user = cls._new_user("center")
        cls.center_user.partner_id.parent_id = cls.center
        cls.other_center_user = cls._new_user("center", login="test_center_2")
        cls.other_center_user.partner_id.parent_id = cls.other_center
        cls.office_manager = cls._new_user("office_manager")
        cls.region.manager_id = cls.office_manager
        cls.other_office_manager = cls._new_user("office_manager", login="test_office_manager_2")
        cls.other_office_manager.partner_id.parent_id = cls.other_office
        cls.customer_service = cls._new_user("customer_service")
        cls.logistics = cls._new_user("logistics")
        cls.quality = cls._new_user("quality")
        cls.vp = cls._new_user("vp")
        cls.administrator = cls._new_user("administrator")

    @classmethod
    def _set_up_products(cls):
        # whichever the database has: the tests make those that they are about
        cls.env["aftersales.checklist"].search([]).active = False
        cls.env["aftersales.record.requirement"].search(
            [("is_regulatory", "=", False)]
        ).active = False
        cls.categ_part, cls.categ_machine = cls.env["product.category"].create(
            [{"name": "Test parts"}, {"name": "Test machines"}]
        )
        cls.categ_hydraulic, cls.categ_seal = cls.env["product.category"].create(
            [
                {"name": "Hydraulic parts", "parent_id": cls.categ_part.id},
                {"name": "Rubber seals", "parent_id": cls.categ_part.id},
            ]
        )
        # whole unit 12 months or 2400 h, hydraulic parts 6 months or 1200 h, seals none
        cls.policy = cls.env["aftersales.warranty.policy"].create(
            {
                "name": "Wheel loader, one year",
                "line_ids": [
                    Command.create(
                        {
                            "sequence": 10,
                            "component": "Whole machine",
                            "duration": 12,
                            "hour_limit": 2400,
                        }
                    ),
                    Command.create(
                        {
                            "sequence": 20,
                            "component": "Hydraulic parts",
                            "categ_id": cls.categ_hydraulic.id,
                            "duration": 6,
                            "hour_limit": 1200,
                        }
                    ),
                    Command.create(
                        {
                            "sequence": 30,
                            "component": "Seals",
                            "categ_id": cls.categ_seal.id,
                            "kind": "none",
                        }
                    ),
                ],
            }
        )
        cls.machine = cls._new_machine("Wheel loader", cls.policy)
        cls.engine_part, cls.pump, cls.seal = cls.env["product.product"].create(
            [
                {"name": name, "categ_id": categ.id, "list_price": price}
                for name, categ, price in (
                    ("Fan belt", cls.categ_part, 120),
                    ("Hydraulic pump", cls.categ_hydraulic, 2980),
                    ("Seal kit", cls.categ_seal, 168),
                )
            ]
        )

    # --- makers ----------------------------------------------------------------------------

    @classmethod
    def _new_user(cls, role, login=None, **vals):
        """Return a new user with only the role ``role``; the password is the login."""
        login = login or f"test_{role}"
        return mail_new_test_user(
            cls.env,
            login=login,
            password=login,
            groups=f"aftersales_service.group_{role}",
            **{"company_id": cls.company.id, "lang": "en_US", **vals},
        )

    @classmethod
    def _new_machine(cls, name, policy=None, **vals):
        """Return a new product that is tracked by serial number."""
        return cls.env["product.product"].create(
            {
                "name": name,
                "is_storable": True,
                "tracking": "serial",
                "categ_id": cls.categ_machine.id,
                "list_price": 320000,
                "warranty_policy_id": policy and policy.id,
                **vals,
            }
        )

    @classmethod
    def _new_policy(cls, months):
        """Return a policy that covers everything for ``months``."""
        return cls.env["aftersales.warranty.policy"].create(
            {
                "name": f"{months} months",
                "line_ids": [Command.create({"component": "Everything", "duration": months})],
            }
        )

    @classmethod
    def _new_lots(cls, serials, product=None):
        return cls.env["stock.lot"].create(
            [{"name": serial, "product_id": (product or cls.machine).id} for serial in serials]
        )

    @classmethod
    def _new_delivery(cls, lots, partner=None):
        """Return the ready delivery of ``lots`` in stock, from a confirmed sale order."""
        product = lots.product_id
        warehouse = cls.env["stock.warehouse"].search(
            [("company_id", "=", cls.env.company.id)], limit=1
        )
        for lot in lots:
            if not lot.product_qty:
                cls.env["stock.quant"]._update_available_quantity(
                    product, warehouse.lot_stock_id, 1, lot_id=lot
                )
        order = cls.env["sale.order"].create(
            {
                "partner_id": (partner or cls.customer).id,
                "warehouse_id": warehouse.id,
                "order_line": [
                    Command.create({"product_id": product.id, "product_uom_qty": len(lots)})
                ],
            }
        )
        order.action_confirm()
        move = order.picking_ids.move_ids
        move.move_line_ids.unlink()
        move.move_line_ids = [
            Command.create(
                {
                    "product_id": product.id,
                    "lot_id": lot.id,
                    "quantity": 1,
                    "location_id": move.location_id.id,
                    "location_dest_id": move.location_dest_id.id,
                }
            )
            for lot in lots
        ]
        move.picked = True
        return order.picking_ids

    @classmethod
    def _deliver(cls, *serials, product=None, partner=None):
        """Sell and deliver new units; return their warranty cards in the order of ``serials``."""
        lots = cls._new_lots(serials, product)
        # not button_validate: stock_sms asks back when the customer has a phone number
        cls._new_delivery(lots, partner)._action_done()
        return lots.warranty_card_ids.sorted(lambda card: serials.index(card.serial_number))

    @classmethod
    def _return(cls, picking, quantity=1, **vals):
        """Return the done return of ``quantity`` units that ``picking`` delivered.

        :param vals: values of the window, such as ``aftersales_take_in``
        """
        wizard = (
            cls.env["stock.return.picking"]
            .with_context(active_id=picking.id, active_model="stock.picking")
            .create({"picking_id": picking.id, **vals})
        )
        wizard.product_return_moves.quantity = quantity
        returned = wizard._create_return()
        returned.action_assign()
        returned.move_ids.picked = True
        returned._action_done()
        return returned

    @classmethod
    def _new_request(cls, card=None, user=None, **vals):
        """Return a new request for center and technician of the tests, taken by the clerk.

        Without ``card``, it is about the machine of the tests, bought years ago.
        """
        if not card:
            vals = {"product_id": cls.machine.id, "date_purchase": "2020-01-01", **vals}
        return (
            cls.env["aftersales.request"]
            .with_user(user or cls.clerk)
            .create(
                {
                    "card_id": card and card.id,
                    "description": "Does not lift",
                    "center_id": cls.center.id,
                    "technician_id": cls.technician.id,
                    **vals,
                }
            )
        )

    @classmethod
    def _new_record(cls, request=None, user=None, **vals):
        """Return a new draft record of ``request``, which is assigned if it is new.

        Without ``request``, a machine is sold and a request taken for it.
        """
        if not request:
            serial = (
                cls.env["ir.sequence"]
                .sudo()
                ._aftersales_next_numbers("aftersales.warranty.card", 1)
            )
            request = cls._new_request(cls._deliver(f"T-{serial[0]}"))
        if request.state == "new":
            request.with_user(cls.clerk).action_assign()
        record = request.record_ids.create(
            {"request_id": request.id, "technician_id": cls.technician.id}
        )
        if vals:
            record.write(vals)
        return record.with_user(user or cls.technician)

    @classmethod
    def _complete_vals(cls, request, **vals):
        """Return values that make a record of ``request`` complete, without parts."""
        return {
            "arrival": fields.Datetime.now(),
            "nameplate": request.card_id.serial_number,
            "hour_meter": 350.5,
            "fault": "The boom sinks",
            "cause": "Worn pump",
            "responsibility": "product",
            "work_done": "Pump checked and set",
            "machine_checked": True,
            "explained": True,
            "no_parts": True,
            **vals,
        }

    @classmethod
    def _new_complete_record(cls, request=None, parts=None, user=None, **vals):
        """Return a complete record in draft.

        :param list parts: values of the part lines, each with at least ``product_id``
        """
        record = cls._new_record(request, user)
        if parts:
            vals = {"no_parts": False, "part_ids": [Command.create(p) for p in parts], **vals}
        record.write(cls._complete_vals(record.request_id, **vals))
        return record

    @classmethod
    def _sign(cls, record):
        cls._agree(record.request_id)
        record.action_sign("Wang Fang", PIXEL)
        return record

    @classmethod
    def _agree(cls, request, amount=None, **vals):
        """Let the customer agree by phone to pay ``amount`` more, or what is still to be agreed."""
        request = request.with_user(cls.clerk)
        if amount is None:
            amount = request._get_charge_amount() - request._get_agreed_amount()
        if amount <= 0:
            return request.consent_ids.browse()
        return request._add_consent(
            {
                "kind": "extra",
                "how": "phone",
                "amount": amount,
                "explanation": "The parts that the warranty doesn't cover",
                "given_by": "Wang Fang",
                "given_on": fields.Datetime.now(),
                **vals,
            }
        )

    @classmethod
    def _new_done_record(cls, request=None, parts=None, user=None, **vals):
        """Return a valid record: complete, signed by the customer, done."""
        record = cls._sign(cls._new_complete_record(request, parts, user, **vals))
        record.action_done()
        return record

    @classmethod
    def _answer_call(cls, callback, satisfaction="5", user=None, **vals):
        """Call the customer, who answers all questions alike, and close the call as reached."""
        callback = callback.with_user(user or cls.clerk)
        callback.action_start()
        for answer in callback.answer_ids:
            answer.write({"grade": satisfaction, "yes_no": answer.expected})
        callback.write(vals)
        callback.action_reached()
        return callback

    # --- what a user sees ------------------------------------------------------------------

    def _assert_hidden(self, record, user):
        """Assert that no way of reading shows ``record`` to ``user``."""
        # of the test's environment: the record's own may carry the companies of somebody else
        record = self.env[record._name].browse(record.ids)
        model = record.with_user(user)
        domain = [("id", "in", record.ids)]
        self.env.invalidate_all()
        self.assertTrue(record)
        self.assertFalse(model.search(domain))
        self.assertEqual(model.search_count(domain), 0)
        self.assertEqual(model._read_group(domain, [], ["__count"]), [(0,)])
        for hidden in record.with_user(user):
            with self.assertRaises(AccessError):
                hidden.read(["display_name"])

    def _assert_visible(self, record, user):
        # of the test's environment: the record's own may carry the companies of somebody else
        record = self.env[record._name].browse(record.ids)
        model = record.with_user(user)
        domain = [("id", "in", record.ids)]
        self.env.invalidate_all()
        self.assertTrue(record)
        self.assertEqual(model.search(domain), record)
        self.assertEqual(model.search_count(domain), len(record))
        self.assertEqual(model._read_group(domain, [], ["__count"]), [(len(record),)])
        self.assertEqual(len(record.with_user(user).read(["display_name"])), len(record))
