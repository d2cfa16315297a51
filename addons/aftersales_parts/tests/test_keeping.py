from contextlib import contextmanager

from psycopg2.errors import UniqueViolation

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import AftersalesPartsCommon, freeze


class KeepingCommon(AftersalesPartsCommon):
    """A center with three places, and a part of each kind of storage."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kind_loader = cls.env.ref("aftersales_parts.machine_kind_loader")
        cls.kind_roller = cls.env.ref("aftersales_parts.machine_kind_roller")
        cls.loader.machine_kind_id = cls.kind_loader
        cls.gearbox_class = cls.env.ref("aftersales_parts.part_class_gearbox")
        cls.gearbox_class.pack_per_repair = True
        cls.roller = cls.env["product.product"].create(
            {
                "name": "Roller",
                "is_storable": True,
                "tracking": "serial",
                "warranty_policy_id": cls.policy.id,
                "machine_kind_id": cls.kind_roller.id,
            }
        )
        cls.roller_card = cls.env["aftersales.warranty.card"].create(
            {
                "partner_id": cls.customer.id,
                "product_id": cls.roller.id,
                "lot_id": cls.env["stock.lot"]
                .create({"name": "SN-002", "product_id": cls.roller.id})
                .id,
                "policy_id": cls.policy.id,
                "date_delivery": "2026-06-01",
            }
        )
        part_class = cls.env.ref
        cls.bucket = cls._make_part("Bucket", part_class("aftersales_parts.part_class_bucket"))
        cls.gauge = cls._make_part("Gauge", part_class("aftersales_parts.part_class_electrical"))
        cls.keeper = cls.users["center"]
        cls.shelf = cls._make_place("Shelf", "indoor")
        cls.yard = cls._make_place("Yard", "outdoor")
        cls.cabinet = cls._make_place("Cabinet", "careful")
        cls.other_center = cls._make_center("Suzhou center", "91320500MA1XK2A73P")
        cls.other_keeper = cls._make_center_user("parts_other_center", cls.other_center)

    @classmethod
    def _make_place(cls, name, storage, keeper=None, user=None, **vals):
        return (
            cls.env["aftersales.storage.place"]
            .with_user(user or cls.users["clerk"])
            .create(
                {
                    "name": name,
                    "storage": storage,
                    "keeper_id": (keeper or cls.center).id,
                    **vals,
                }
            )
        )

    def _tags(self, *products, **kwargs):
        """Return the tags of a new record that took off ``products``, as the center sees them."""
        record = self._make_record([self._part(product) for product in products], **kwargs)
        return record.used_part_ids.sorted("name").with_user(self.keeper)

    def _roller_tags(self, *products):
        request = self.env["aftersales.request"].create(
            {
                "card_id": self.roller_card.id,
                "description": "Fault",
                "region_id": self.region.id,
                "center_id": self.center.id,
                "technician_id": self.users["technician"].id,
                "request_date": "2026-10-20 00:30:00",
            }
        )
        request.action_assign()
        record = self._make_record(
            [self._part(product) for product in products], request=request, done=False
        )
        record.nameplate = "SN-002"
        self._validate(record)
        return record.used_part_ids.sorted("name").with_user(self.keeper)

    @contextmanager
    def _refused(self, message, error=UserError):
        """Expect a sentence, and undo what was begun."""
        with self.assertRaisesRegex(error, message), self.cr.savepoint():
            yield


@freeze
@tagged("post_install", "-at_install")
class TestStorage(KeepingCommon):
    def test_store_moves_in_stock(self):
        """M10.1: storing a part truly moves it to a location below the center's, and is noted."""
        tag = self._tags(self.pump)
        self.assertEqual(tag.storage_state, "waiting")
        tag._store(self.shelf)
        location = self._location_of(tag.sudo())
        self.assertEqual(location, self.shelf.location_id)
        self.assertEqual(location.location_id, self.center._get_used_part_location(self.company))
        self.assertEqual((tag.place_id, tag.storage_state), (self.shelf, "ok"))
        event = tag.event_ids[-1]
        self.assertEqual(
            (event.event, event.location_id, event.note), ("stored", location, "Shelf")
        )
        self.assertEqual(event.user_id, self.keeper)
        self.assertEqual(tag.state, "held")
        # once more to the same place: nothing happens
        tag._store(self.shelf)
        self.assertEqual(tag.event_ids[-1], event)

    def test_only_structural_and_exterior_parts_outdoors(self):
        """M10.1: a pump isn't stored outdoors, a bucket is; a part without a class isn't."""
        pump, bucket = self._tags(self.pump, self.bucket)
        with self._refused("may not lie outdoors"):
            (pump | bucket)._store(self.yard)
        self.assertEqual(bucket.storage_state, "waiting", "all or nothing")
        bucket._store(self.yard)
        self.assertEqual(bucket.storage_state, "ok")
        self.bucket.part_class_id = False
        self.assertEqual(bucket.storage_state, "violation")
        self.assertIn("without a class", bucket.storage_issue)

    def test_instruments_are_kept_with_care(self):
        """M10.1: an instrument needs a place for parts that need care; a pump may lie there."""
        gauge, pump = self._tags(self.gauge, self.pump)
        for place in (self.shelf, self.yard):
            with self._refused("with care|outdoors"):
                gauge._store(place)
        (gauge | pump)._store(self.cabinet)
        self.assertEqual(set((gauge | pump).mapped("storage_state")), {"ok"})

    def test_machine_kinds_are_kept_apart(self):
        """M10.1: a roller's part isn't stored where a loader's lies, nor in a loader's place."""
        pump, roller = self._tags(self.pump), self._roller_tags(self.pump)
        self.assertEqual(roller.machine_kind_id, self.kind_roller)
        with self._refused("different machines"):
            (pump | roller)._store(self.shelf)
        pump._store(self.shelf)
        with self._refused("different machines"):
            roller._store(self.shelf)
        self.cabinet.machine_kind_id = self.kind_loader
        with self._refused("for Wheel loader only"):
            roller._store(self.cabinet)
        roller._store(self.yard.copy({"name": "Room", "storage": "indoor"}))
        self.assertEqual(roller.storage_state, "ok")
        pump._store(self.cabinet)
        roller._store(self.shelf)  # it is empty now
        self.assertEqual(roller.place_id, self.shelf)

    def test_violation_arises_later(self):
        """M10.1: class, place or machine changed afterwards: the violation shows, with why."""
        pump, bucket = self._tags(self.pump, self.bucket)
        (pump | bucket)._store(self.shelf)
        pump.sudo().product_id.part_class_id = self.gauge.part_class_id
        self.assertEqual(pump.storage_state, "violation")
        self.assertIn("with care", pump.storage_issue)
        pump._store(self.cabinet)
        self.assertEqual((pump.storage_state, pump.storage_issue), ("ok", False))
        self.cabinet.with_user(self.keeper).storage = "outdoor"
        self.assertEqual(pump.storage_state, "violation")
        found = self.env["aftersales.used.part"].search([("storage_state", "=", "violation")])
        self.assertIn(pump, found)
        self.assertNotIn(bucket, found)
        self.assertEqual(self.cabinet.violation_count, 1)
        self.assertEqual(self.shelf.violation_count, 0)
        self.shelf.machine_kind_id = self.kind_roller
        self.assertEqual(bucket.storage_state, "violation")

    def test_kinds_that_come_to_differ(self):
        """M10.1: parts that lie together violate the rule once one's machine is another kind."""
        loader_pump, roller_pump = self._tags(self.pump), self._roller_tags(self.pump)
        self.roller.machine_kind_id = self.kind_loader
        (loader_pump | roller_pump)._store(self.shelf)
        self.assertEqual(set((loader_pump | roller_pump).mapped("storage_state")), {"ok"})
        self.roller.machine_kind_id = self.kind_roller
        self.assertEqual(set((loader_pump | roller_pump).mapped("storage_state")), {"violation"})
        roller_pump._store(self.cabinet)
        self.assertEqual(set((loader_pump | roller_pump).mapped("storage_state")), {"ok"})

    def test_only_the_keeper_stores(self):
        """M10.1: the center its own parts, office and clerk those of their region; no others."""
        tag = self._tags(self.pump)
        for role in ("technician", "logistics", "quality", "vp"):
            with self._refused("stored and packed by", AccessError):
                tag.with_user(self.users[role])._store(self.shelf)
        with self._refused(".", AccessError):
            tag.with_user(self.other_keeper)._store(self.shelf)
        tag.with_user(self.users["office_manager"])._store(self.shelf)
        tag.with_user(self.users["clerk"])._store(self.cabinet)
        self.assertEqual(tag.place_id, self.cabinet)

    def test_swapped_part_is_kept_by_the_office(self):
        """L1.6: after a swap the center sees its part, but the office keeps it."""
        tag = self._tags(self.pump)
        tag._write_protected({"keeper_id": self.office.id})
        self.assertFalse(tag.can_keep)
        self.assertTrue(tag.with_user(self.users["office_manager"]).can_keep)
        with self._refused("Kept by somebody else", AccessError):
            tag._store(self.shelf)

    def test_place_of_another_center(self):
        """M10.1: nobody stores parts in another center's place."""
        tag = self._tags(self.pump)
        place = self._make_place("Shelf", "indoor", self.other_center)
        with self._refused("is a place of Suzhou center"):
            tag.with_user(self.users["clerk"])._store(place)
        with self._refused(".", AccessError):
            tag._store(place.with_user(self.keeper))

    def test_parts_that_are_gone_are_not_stored(self):
        """M10.1: what has been shipped is neither stored nor packed."""
        tag = self._tags(self.pump)
        tag._store(self.shelf)
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        self.assertEqual((tag.storage_state, tag.place_id.id), (False, False))
        with self._refused("On its way"):
            tag._store(self.shelf)
        with self._refused("Not kept here any more"):
            tag.action_open_store()

    def test_nobody_writes_where_a_part_is(self):
        """M10.1: place, crate and state of storage follow from stock; RPC can't write them."""
        tag = self._tags(self.pump)
        for vals in (
            {"place_id": self.shelf.id},
            {"storage_state": "ok"},
            {"package_id": False, "print_count": 5},
        ):
            for role in ("center", "clerk", "quality"):
                with self.assertRaises(AccessError), self.cr.savepoint():
                    tag.with_user(self.users[role]).write(vals)

    def test_window_tells_before(self):
        """M10.1: the window says why the place is none for these parts before anything is done."""
        tags = self._tags(self.pump, self.bucket)
        action = tags.action_open_store()
        wizard = (
            self.env[action["res_model"]]
            .with_user(self.keeper)
            .with_context(**action["context"])
            .create({"place_id": self.yard.id})
        )
        self.assertIn("may not lie outdoors", wizard.issues)
        self.assertIn(tags[0].name, wizard.issues)
        self.assertNotIn(tags[1].name, wizard.issues)
        wizard.place_id = self.shelf
        self.assertFalse(wizard.issues)
        wizard.action_store()
        self.assertEqual(tags.place_id, self.shelf)

    def test_window_by_another(self):
        """RPC: the window doesn't store parts that its user doesn't keep."""
        tag = self._tags(self.pump)
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.env["aftersales.used.part.store"].with_user(self.other_keeper).create(
                {"used_part_ids": [Command.set(tag.ids)], "place_id": self.shelf.id}
            ).action_store()

    def test_queries_of_storing(self):
        """Speed: storing 12 parts costs hardly more queries than storing 2."""
        tags = self._tags(*[self.pump] * 14)
        tags[:1]._store(self.cabinet)
        counts = []
        for parts in (tags[:2], tags[2:]):
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            parts._store(self.shelf)
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        # core checks each serial's quant on its own: a small constant per tag remains
        self.assertLessEqual(counts[1] - counts[0], 10 * 8)


@freeze
@tagged("post_install", "-at_install")
class TestStoragePlace(KeepingCommon):
    def test_center_makes_its_places(self):
        """M10.1: the center's user enters places, without rights on stock."""
        places = self.env["aftersales.storage.place"].with_user(self.keeper)
        form = Form(places)
        form.name = "Attic"
        form.storage = "careful"
        place = form.save()
        self.assertEqual(place.keeper_id, self.center)
        location = place.sudo().location_id
        self.assertEqual((location.name, location.usage), ("Attic", "internal"))
        self.assertEqual(location.location_id, self.center._get_used_part_location(self.company))
        place.name = "Attic, left"
        self.assertEqual(location.name, "Attic, left")

    def test_places_of_others(self):
        """M10.1: a center neither sees nor makes another's places, nor takes any location."""
        stock = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company).lot_stock_id
        places = self.env["aftersales.storage.place"].with_user(self.other_keeper)
        self.assertFalse(places.search([("id", "in", (self.shelf | self.yard).ids)]))
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._make_place("Mine", "indoor", self.center, self.other_keeper)
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.shelf.with_user(self.other_keeper).name = "Mine"
        own = self._make_place(
            "Own", "indoor", self.other_center, self.other_keeper, location_id=stock.id
        )
        self.assertNotEqual(own.sudo().location_id, stock)
        for vals in ({"location_id": stock.id}, {"keeper_id": self.center.id}):
            with self._refused("stays with its keeper"):
                own.write(vals)
        with self._refused("Choose the service center"):
            self._make_place("Nowhere", "indoor", self.customer)

    def test_foreign_parts_by_commands(self):
        """RPC: creating a place doesn't take parts into it."""
        tag = self._tags(self.pump)
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._make_place(
                "Trick", "indoor", user=self.keeper, used_part_ids=[Command.link(tag.id)]
            )
            self.env.flush_all()

    def test_rights(self):
        """M10.1: logistics reads all places; technicians none; nobody deletes one."""
        self.assertEqual(self.shelf.with_user(self.users["logistics"]).name, "Shelf")
        self.assertEqual(self.shelf.with_user(self.users["office_manager"]).name, "Shelf")
        with self.assertRaises(AccessError):
            self.shelf.with_user(self.users["technician"]).read(["name"])
        for role in ("center", "clerk", "office_manager", "logistics"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                self.shelf.with_user(self.users[role]).unlink()
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.shelf.with_user(self.users["logistics"]).name = "Mine"

    def test_full_place_is_not_archived(self):
        """M10.1: a place in which parts lie stays."""
        tag = self._tags(self.pump)
        tag._store(self.shelf)
        with self._refused("Parts still lie here: Shelf"):
            self.shelf.active = False
        tag._store(self.cabinet)
        self.shelf.active = False
        self.assertFalse(self.shelf.sudo().location_id.active)
        with self._refused("archived"):
            tag._store(self.shelf)

    def test_location_follows_its_place(self):
        """M10.1: a stock manager doesn't move a place to another center's location."""
        manager = self.users["clerk"]
        manager.group_ids += self.env.ref("stock.group_stock_manager")
        other = self.other_center._get_used_part_location(self.company)
        with self._refused("is a storage place"):
            self.shelf.sudo().location_id.with_user(manager).location_id = other

    @mute_logger("odoo.sql_db")
    def test_name_once(self):
        """M10.1: a keeper has each place once; another may have one of the same name."""
        self._make_place("Shelf", "indoor", self.other_center)
        with self.assertRaises(UniqueViolation), self.cr.savepoint():
            self._make_place("Shelf", "outdoor")


@freeze
@tagged("post_install", "-at_install")
class TestCrate(KeepingCommon):
    def _quant(self, tag):
        quants = self.env["stock.quant"].sudo()
        return quants.search([("lot_id", "=", tag.sudo().lot_id.id), ("quantity", ">", 0)])

    def test_pack_and_unpack(self):
        """M10.4: stock shows the crate; the parts stay where they are; both are noted."""
        tags = self._tags(self.pump, self.bucket)
        tags._store(self.shelf)
        crate = tags._pack(tags._create_crate())
        self.assertRegex(crate.name, r"^CR2611\d{4}$")
        for tag in tags:
            self.assertEqual(self._quant(tag).package_id, crate)
            self.assertEqual((tag.package_id, tag.place_id), (crate, self.shelf))
            self.assertEqual(
                (tag.event_ids[-1].event, tag.event_ids[-1].note), ("packed", crate.name)
            )
        self.assertEqual(crate.location_id, self.shelf.location_id)
        tags[0].action_unpack()
        self.assertFalse(self._quant(tags[0]).package_id)
        self.assertEqual(self._quant(tags[1]).package_id, crate)
        self.assertEqual(tags[0].event_ids[-1].event, "unpacked")
        self.assertEqual(tags[0].place_id, self.shelf)
        with self._refused("In no crate"):
            tags[0].action_unpack()
        tags[1].action_unpack()
        self.assertFalse(self._quant(tags[1]).package_id)
        self.assertFalse(tags.package_id)

    def test_crate_moves_whole(self):
        """M10.1: storing one part of a crate stores the crate."""
        tags = self._tags(self.pump, self.bucket)
        crate = tags._pack(tags._create_crate())
        tags[0]._store(self.shelf)
        self.assertEqual(set(tags.mapped("place_id")), {self.shelf})
        self.assertEqual(self._quant(tags[1]).package_id, crate)
        with self._refused("outdoors"):
            tags[1]._store(self.yard)

    def test_pack_from_several_places(self):
        """M10.4: a crate stands in one place, where all its parts may lie."""
        tags = self._tags(self.pump, self.bucket)
        tags[0]._store(self.shelf)
        tags[1]._store(self.yard)
        with self._refused("several places"):
            tags._pack(tags._create_crate())
        with self._refused("outdoors"):
            tags._pack(tags._create_crate(), self.yard)
        tags._pack(tags._create_crate(), self.shelf)
        self.assertEqual(tags.place_id, self.shelf)

    def test_existing_crate(self):
        """M10.4: more parts come into a crate of the same keeper that is still here."""
        first, second = self._tags(self.pump), self._tags(self.bucket)
        crate = first._pack(first._create_crate())
        second._pack(crate)
        self.assertEqual(second.package_id, first.package_id)
        foreign = self._make_record([self._part(self.pump)], center=self.other_center)
        others = foreign.used_part_ids.with_user(self.other_keeper)
        with self._refused("no crate of this keeper"):
            others._pack(crate)
        wizard = (
            self.env["aftersales.used.part.pack"]
            .with_user(self.other_keeper)
            .create({"used_part_ids": [Command.set(others.ids)], "mode": "existing"})
        )
        self.assertFalse(wizard.crate_ids)
        for package in (crate, self.env["stock.package"].create({"name": "Any"})):
            # not even its name is shown
            with self.assertRaises(AccessError), self.cr.savepoint():
                wizard.crate_id = package
        with self._refused("Choose a crate that is here"):
            wizard.action_pack()

    def test_repair_in_a_crate_of_its_own(self):
        """M10.4: what a gearbox repair took off is packed together, and with nothing else."""
        gearbox, pump = self._tags(self.gearbox, self.pump)
        other = self._tags(self.bucket)
        self.assertEqual((gearbox | pump | other).mapped("is_packed_apart"), [True, True, False])
        with self._refused("crate of their own"):
            (gearbox | other)._pack(gearbox._create_crate())
        crate = other._pack(other._create_crate())
        with self._refused("crate of their own"):
            gearbox._pack(crate)
        # one of them chosen: all of the repair are packed
        wizard = (
            self.env["aftersales.used.part.pack"]
            .with_user(self.keeper)
            .create({"used_part_ids": [Command.set(gearbox.ids)]})
        )
        self.assertEqual(wizard.mode, "repair")
        wizard.action_pack()
        self.assertTrue(gearbox.package_id)
        self.assertEqual(pump.package_id, gearbox.package_id)
        self.assertNotEqual(pump.package_id, crate)

    def test_shipped_in_its_crate(self):
        """M10.4: unpacked or mixed, it isn't shipped; packed, the crate travels and is unpacked."""
        gearbox, pump = self._tags(self.gearbox, self.pump)
        bucket = self._tags(self.bucket)
        document = self._make_return()
        document.action_submit()
        document.with_user(self.users["office_manager"]).action_approve()
        document.with_user(self.users["customer_service"]).action_approve()
        with self._refused(gearbox.record_id.name):
            document.action_ship()
        gearbox._pack(gearbox._create_crate())
        with self._refused("one crate of its own"):
            document.action_ship()
        pump._pack(pump._create_crate())
        with self._refused("one crate of its own"):
            document.action_ship()
        crate = pump._pack(gearbox.package_id)
        document.action_ship()
        self.assertEqual((gearbox | pump).package_id, crate)
        self.assertEqual(self._quant(gearbox).package_id, crate)
        self.assertEqual(self._quant(gearbox).location_id.usage, "transit")
        self.assertFalse(self._quant(bucket).package_id)
        # one part of the crate is missing: the other is received, out of the crate
        document.with_user(self.users["logistics"]).action_receive([gearbox.name, bucket.name])
        self.assertFalse(self._quant(gearbox).package_id)
        self.assertEqual(self._quant(pump).package_id, crate)
        document.with_user(self.users["logistics"]).action_receive([pump.name])
        self.assertEqual(len(self._quant(pump)), 1)
        self.assertFalse(self._quant(pump).package_id)
        self.assertEqual(pump.package_id, crate, "in which it came")
        negative = self.env["stock.quant"].search(
            [
                ("lot_id", "in", (gearbox | pump).sudo().lot_id.ids),
                ("location_id.usage", "in", ("internal", "transit")),
                ("quantity", "<", 0),
            ]
        )
        self.assertFalse(negative)

    def test_part_of_a_crate_left_behind(self):
        """M10.4: a crate isn't torn apart by shipping some of its parts."""
        tags = self._tags(self.pump, self.bucket)
        crate = tags._pack(tags._create_crate())
        with self._refused(tags[1].name):
            tags[0]._check_packing()
        tags._check_packing()
        tags[1].action_unpack()
        tags[0]._check_packing()
        self.assertEqual(tags[0].package_id, crate)

    def test_scrapped_seal_needs_no_crate(self):
        """M10.4: all that comes back is packed; what was scrapped on the spot isn't there."""
        record = self._make_record([self._part(self.gearbox), self._scrap(self.seal)])
        tag = record.used_part_ids.filtered(lambda t: t.state == "held").with_user(self.keeper)
        tag._pack_by_repair()
        tag._check_packing()

    def test_only_the_keeper_packs(self):
        """M10.4: the roles that store also pack, nobody else."""
        tag = self._tags(self.pump)
        for role in ("technician", "logistics", "quality", "vp"):
            with self._refused("stored and packed by", AccessError):
                tag.with_user(self.users[role])._pack(tag._create_crate())
        with self._refused(".", AccessError):
            tag.with_user(self.other_keeper).action_unpack()

    def test_stock_users_leave_crates_alone(self):
        """M10.3: core's own buttons neither unpack nor move a crate of used parts."""
        user = self.users["clerk"]
        user.group_ids += self.env.ref("stock.group_stock_manager")
        tags = self._tags(self.pump, self.bucket)
        crate = tags._pack(tags._create_crate())
        with self._refused("."):
            crate.with_user(user).unpack()
        stock = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company).lot_stock_id
        with self._refused("."):
            crate.with_user(user).location_id = stock

    def test_packing_list(self):
        """M10.4: the list of a crate names all that is in it, whichever part was chosen."""
        gearbox, pump = self._tags(self.gearbox, self.pump)
        report = self.env["ir.actions.report"].with_user(self.keeper)
        with self._refused("in a crate"):
            gearbox._get_packed_crates()
        gearbox._pack_by_repair()
        html = report._render_qweb_html("aftersales_parts.report_packing_list", gearbox.ids)[0]
        for text in (gearbox.package_id.name, gearbox.name, pump.name, gearbox.record_id.name):
            self.assertIn(text, html.decode())


@freeze
@tagged("post_install", "-at_install")
class TestKeepersScreen(KeepingCommon):
    def test_how_long(self):
        """M10.1: days since the part was taken off; marked from the company's limit on."""
        # taken off on 20 and 21 October; today is 20 November: 31 and 30 days
        old, new = self._tags(self.pump), self._tags(self.pump, day="2026-10-21")
        self.assertEqual((old | new).mapped("days_kept"), [31, 30])
        self.assertEqual((old | new).mapped("is_kept_long"), [True, False])
        parts = self.env["aftersales.used.part"].with_user(self.keeper)
        ids = (old | new).ids
        found = parts.search([("is_kept_long", "=", True), ("id", "in", ids)])
        self.assertEqual(found, old)
        found = parts.search([("is_kept_long", "=", False), ("id", "in", ids)])
        self.assertEqual(found, new)
        self.company.aftersales_used_part_days = 29
        self.env.invalidate_all()
        self.assertEqual((old | new).mapped("is_kept_long"), [True, True])
        self.assertEqual(parts.search([("is_kept_long", "=", True), ("id", "in", ids)]), old | new)

    def test_what_is_to_be_packed(self):
        """M10.4: the filter finds the parts of gearbox repairs that are in no crate."""
        gearbox, pump = self._tags(self.gearbox, self.pump)
        other = self._tags(self.pump)
        parts = self.env["aftersales.used.part"].with_user(self.keeper)
        domain = [("is_packed_apart", "=", True), ("package_id", "=", False)]
        self.assertEqual(parts.search(domain), pump | gearbox)
        self.assertNotIn(other, parts.search(domain))
        gearbox._pack_by_repair()
        self.assertFalse(parts.search(domain))

    def test_each_sees_his_own(self):
        """M10.1: the screen shows a center its own parts, logistics those of all."""
        tag = self._tags(self.pump)
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_parts.action_keeping")
        domain = [("state", "=", "held"), ("id", "=", tag.id)]
        self.assertIn("held", action["domain"])
        for user, seen in (
            (self.keeper, True),
            (self.users["logistics"], True),
            (self.users["office_manager"], True),
            (self.other_keeper, False),
        ):
            found = self.env["aftersales.used.part"].with_user(user).search(domain)
            self.assertEqual(bool(found), seen, user.login)

    def test_screen_loads_with_constant_queries(self):
        """Speed: the keeper's list of 12 parts costs as many queries as that of 2."""
        tags = self._tags(*[self.pump] * 12)
        spec = {
            name: {}
            for name in ("name", "days_kept", "is_kept_long", "is_packed_apart", "storage_issue")
        }
        spec |= {name: {"fields": {"display_name": {}}} for name in ("place_id", "package_id")}
        counts = []
        for parts in (tags[:2], tags[:2], tags):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            parts.browse(parts.ids).web_read(spec)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[1], counts[2])


@freeze
@tagged("post_install", "-at_install")
class TestScrapOnTheSpot(KeepingCommon):
    def test_photo_shows_on_the_tag(self):
        """M10.1: the tag of a scrapped seal shows its photo, and lies in no place."""
        record = self._make_record([self._scrap(self.seal)])
        tag = record.used_part_ids.with_user(self.keeper)
        self.assertTrue(tag.scrap_photo)
        self.assertFalse(tag.storage_state)

    def test_refused_by_rpc(self):
        """M10.1: another class, or no photo, isn't scrapped by writing the line either."""
        for vals in (self._scrap(self.pump), {"product_id": self.seal.id, "disposition": "scrap"}):
            record = self._make_record([self._part(self.seal)], done=False)
            record.part_ids.with_user(self.users["technician"]).write(vals)
            with self._refused("may not be scrapped|Photo of the scrapped"):
                self._validate(record)

    def test_changed_behind_the_signature(self):
        """M10.1: what was signed to come back isn't scrapped by a later write."""
        record = self._make_record([self._part(self.pump)], done=False)
        self._consent(record)
        technician = record.with_user(self.users["technician"])
        technician.action_sign("Customer", self._scrap(self.pump)["scrap_photo"])
        record.part_ids.with_user(self.users["technician"]).write(self._scrap(self.pump))
        with self._refused("."):
            technician.action_done()
        self.assertFalse(record.used_part_ids)

    def test_class_changed_later(self):
        """M10.1: what was allowed when the customer signed stands; the next record is refused."""
        record = self._make_record([self._scrap(self.seal)], done=False)
        self._consent(record)
        technician = record.with_user(self.users["technician"])
        technician.action_sign("Customer", self._scrap(self.seal)["scrap_photo"])
        self.seal.part_class_id.scrap_allowed = False
        technician.action_done()
        self.assertEqual(record.used_part_ids.state, "scrapped")
        record = self._make_record([self._scrap(self.seal)], done=False)
        with self._refused("may not be scrapped"):
            self._validate(record)

    def test_closed_record_stays(self):
        """M10.1: what came back isn't turned into scrap once the record is valid."""
        tag = self._tags(self.pump)
        with self._refused("."):
            tag.record_part_id.with_user(self.users["technician"]).disposition = "scrap"
