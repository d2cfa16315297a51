from contextlib import closing

from psycopg2.errors import LockNotAvailable, SerializationFailure

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.sql_db import db_connect
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

from .common import PIXEL, AftersalesCommon


@tagged("post_install", "-at_install")
class TestServiceRecordConcurrency(BaseCase):
    """Two technicians at the same moment: two connections, with what is committed."""

    def setUp(self):
        super().setUp()
        self.cr = self._connect()
        self.env = api.Environment(self.cr, SUPERUSER_ID, {"tracking_disable": True})

        class Data(AftersalesCommon):
            env = self.env
            company = self.env.company

        self.users = Data.technician, Data.other_technician = [
            Data._new_user("technician", login=f"c_technician_{number}") for number in (1, 2)
        ]
        customer = self.env["res.partner"].create({"name": "Concurrent quarry"})
        center = self.env["res.partner"].create(
            {"name": "Concurrent center", "is_company": True, "is_service_center": True}
        )
        machine = self.env["product.product"].create({"name": "Concurrent loader"})
        request = self.env["aftersales.request"].create(
            {
                "partner_id": customer.id,
                "product_id": machine.id,
                "date_purchase": "2026-01-01",
                "center_id": center.id,
                "technician_id": Data.technician.id,
                "description": "Does not lift",
            }
        )
        request.action_assign()
        self.record = self.env["aftersales.service.record"].create(
            {"request_id": request.id, "technician_id": Data.other_technician.id}
        )
        self.record.check_ids.sudo().result = "ok"
        vals = Data._complete_vals(request, nameplate="X", nameplate_reason="No card")
        self.record.write({**vals, "departure": vals["arrival"]})
        self.addCleanup(self._remove)
        self.cr.commit()  # pylint: disable=invalid-commit

    def _connect(self):
        cr = db_connect(get_db_name()).cursor()
        self.addCleanup(cr.close)
        # what would wait for ever fails
        cr.execute("SET lock_timeout = '5s'")
        cr.commit()  # pylint: disable=invalid-commit
        return cr

    def _remove(self):
        """Take out what was committed; a signed record can only go in the database itself."""
        request, partners = self.record.request_id, self.record.partner_id | self.record.center_id
        machine = request.product_id
        users = self.record.technician_id.browse().union(*self.users)
        partners |= users.partner_id
        callbacks = self.env["aftersales.callback"].search([("record_id", "=", self.record.id)])
        owners = [(self.record._name, self.record.id), (request._name, request.id)]
        owners += [(callback._name, callback.id) for callback in callbacks]
        partner_ids, user_ids, product_ids = partners.ids, users.ids, machine.product_tmpl_id.ids
        with closing(db_connect(get_db_name()).cursor()) as cr:
            for owner in owners:
                for table in ("aftersales_deadline", "mail_activity", "mail_followers"):
                    cr.execute(f"DELETE FROM {table} WHERE res_model = %s AND res_id = %s", owner)
                cr.execute("DELETE FROM ir_attachment WHERE res_model = %s AND res_id = %s", owner)
                cr.execute("DELETE FROM mail_message WHERE model = %s AND res_id = %s", owner)
            cr.execute("DELETE FROM aftersales_callback WHERE record_id = %s", [owners[0][1]])
            cr.execute("DELETE FROM aftersales_service_record WHERE id = %s", [owners[0][1]])
            cr.execute("DELETE FROM aftersales_request WHERE id = %s", [owners[1][1]])
            env = api.Environment(cr, SUPERUSER_ID, {})
            env["product.template"].browse(product_ids).unlink()
            env["res.users"].browse(user_ids).unlink()
            env["res.partner"].browse(partner_ids).unlink()
            cr.commit()  # pylint: disable=invalid-commit

    def _record_as(self, user):
        """Return the record as ``user`` sees it by a connection whose snapshot is taken now."""
        record = self.record.with_env(api.Environment(self._connect(), user.id, {}))
        self.assertEqual(record.state, "draft")
        return record

    @mute_logger("odoo.sql_db")
    def test_two_sign_at_once(self):
        """M3.4: of two who take the signature at the same moment one does, the other is told."""
        first, second = self.users
        winner, at_once, late = (self._record_as(user) for user in (first, second, second))
        winner.action_sign("Wang Fang", PIXEL)
        winner.env.flush_all()
        # while the first signs
        with self.assertRaisesRegex(UserError, "working on .* this very moment"):
            at_once.action_sign("Li Na", PIXEL)
        at_once.env.cr.rollback()
        winner.env.cr.commit()
        # with a view from before the first signed: the server then tries again
        with self.assertRaises(SerializationFailure):
            late.action_sign("Li Na", PIXEL)
        late.env.cr.rollback()
        late.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "already been signed"):
            late.action_sign("Li Na", PIXEL)
        self.cr.rollback()
        self.env.invalidate_all()
        self.assertEqual(self.record.signed_by, "Wang Fang")
        self.assertTrue(self.record._is_signature_valid())

    @mute_logger("odoo.sql_db")
    def test_change_while_signing(self):
        """M3.4: what is changed while the customer signs isn't signed unseen."""
        signer, author = (self._record_as(user) for user in self.users)
        author.write({"work_done": "Something else"})
        author.env.flush_all()
        with self.assertRaisesRegex(UserError, "this very moment"):
            signer.action_sign("Wang Fang", PIXEL)
        signer.env.cr.rollback()
        author.env.cr.commit()
        self.cr.rollback()
        self.env.invalidate_all()
        self.assertEqual(self.record.state, "draft")

    def _photo_vals(self):
        return {"record_id": self.record.id, "image": PIXEL, "kind": "1_before"}

    @mute_logger("odoo.sql_db")
    def test_line_beside_signature(self):
        """M3.4: who began before the customer signed changes no line of what is valid by now."""
        signer, author = self.users
        changes = {
            "photo": lambda record: record.photo_ids.create(self._photo_vals()),
            "form": lambda record: record.write({"photo_ids": [(0, 0, self._photo_vals())]}),
            "check": lambda record: record.check_ids[:1].write({"note": "Later"}),
            "part": lambda record: record.part_ids.create(
                {"record_id": record.id, "product_id": record.product_id.id}
            ),
        }
        late = {name: self._record_as(author) for name in changes}
        winner = self._record_as(signer)
        winner.action_sign("Wang Fang", PIXEL)
        winner.action_done()
        winner.env.cr.commit()
        for name, record in late.items():
            with self.subTest(name):
                # the server then tries again
                with self.assertRaises(SerializationFailure):
                    changes[name](record)
                record.env.cr.rollback()
                record.env.invalidate_all()
                with self.assertRaisesRegex(UserError, "closed and can't be changed"):
                    changes[name](record)
                record.env.cr.rollback()
        self.cr.rollback()
        self.env.invalidate_all()
        self.assertFalse(self.record.photo_ids)
        self.assertFalse(self.record.part_ids)
        self.assertTrue(self.record._is_signature_valid())

    @mute_logger("odoo.sql_db")
    def test_line_while_signing(self):
        """M3.4: what is being added at the moment of the signature isn't signed unseen."""
        signer, author = (self._record_as(user) for user in self.users)
        author.photo_ids.create(self._photo_vals())
        author.env.flush_all()
        with self.assertRaisesRegex(UserError, "this very moment"):
            signer.action_sign("Wang Fang", PIXEL)
        signer.env.cr.rollback()
        author.env.cr.commit()
        signer.action_sign("Wang Fang", PIXEL)
        self.assertTrue(signer._is_signature_valid())

    @mute_logger("odoo.sql_db")
    def test_uploads_at_once(self):
        """M3.4: several photos are uploaded at the same moment, and none waits for another."""
        first, second = (self._record_as(user) for user in self.users)
        second.env.cr.execute("SET LOCAL lock_timeout = '200ms'")
        for record in (first, second):
            record.photo_ids.create(self._photo_vals())
            record.env.flush_all()
        second.env.cr.commit()
        first.env.cr.commit()
        self.cr.rollback()
        self.env.invalidate_all()
        self.assertEqual(len(self.record.photo_ids), 2)

    @mute_logger("odoo.sql_db")
    def test_forms_at_once(self):
        """M3.4: who changes the record with its lines waits before both block each other."""
        for change in (
            lambda record: record.write(
                {"work_done": record.env.user.login, "photo_ids": [(0, 0, self._photo_vals())]}
            ),
            lambda record: record.check_ids[:1].write({"result": "left", "note": "Later"}),
        ):
            first, second = (self._record_as(user) for user in self.users)
            change(first)
            second.env.cr.execute("SET LOCAL lock_timeout = '200ms'")
            with self.assertRaises(LockNotAvailable):
                change(second)
            second.env.cr.rollback()
            first.env.cr.rollback()
