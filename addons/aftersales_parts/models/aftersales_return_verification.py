from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list


class AftersalesReturn(models.Model):
    """Inspection and verification of what has arrived (L2.8, M8.4)."""

    _inherit = "aftersales.return"  # pylint: disable=consider-merging-classes-inherited

    def _note_written_off(self, lines, note):
        """Note that what ``lines`` announced will not arrive any more.

        A return of which nothing else is awaited is thereby received, to be verified and answered.
        """
        lines._write_protected({"is_missing": 0})
        for document, own in lines.grouped("return_id").items():
            document._tell_sender(
                lambda d, own=own: [
                    d.env._(
                        "Written off: %(tags)s. %(note)s",
                        tags=d._format_tags(own.used_part_id.mapped("name")),
                        note=note,
                    )
                ],
                customer_service=True,
            )
            if document.backorder_id.state == "cancel":
                document._write_protected({"backorder_id": False})
            if document.state == "shipped" and not any(
                line._is_awaited() for line in document.line_ids
            ):
                document._note_received()

    def _note_found(self, lines, note):
        """Note that what was written off on ``lines`` has turned up, and is awaited again."""
        # what arrives after an answer gets a further one
        lines._write_protected({"is_missing": 1, "date_answered": False})
        for document, own in lines.grouped("return_id").items():
            document._tell_sender(
                lambda d, own=own: [
                    d.env._(
                        "Turned up after it was written off, and awaited again: %(tags)s. %(note)s",
                        tags=d._format_tags(own.used_part_id.mapped("name")),
                        note=note,
                    )
                ],
                customer_service=True,
            )

    def action_verify(self):
        """Close the inspection: what bears no deduction reason is accepted (L2.8, M8.4).

        :raises UserError: nothing was received, goods are not counted, or an accepted assembly
            is not confirmed as complete (M10.2)
        """
        for document in self:
            document.line_ids._check_inspector()
            document.check_access("write")
            document._lock_for_action()
            if document.state != "received":
                raise UserError(
                    self.env._("%s has not been received, or is verified already.", document.name)
                )
            uncounted = document._get_goods_lines().filtered(lambda line: not line.is_received)
            if uncounted:
                raise UserError(
                    self.env._(
                        "Not counted yet: %s",
                        format_list(self.env, uncounted.product_id.mapped("display_name")),
                    )
                )
            inspected = document.line_ids.filtered(lambda line: line._is_inspectable())
            inspected._close_inspection()
            document._write_protected({"state": "verified", "date_verified": fields.Datetime.now()})
            document._deadline_event("verified")
            document._tell_sender(
                lambda d, inspected=inspected: d._get_inspection_message(inspected.with_env(d.env)),
                customer_service=True,
            )
        return True

    def _get_inspection_message(self, lines):
        """Return what the inspection said of these lines, in sentences for the sender."""
        refused = lines.filtered(lambda line: line.verdict != "accept")
        sentences = [
            self.env._(
                "Inspected: %(accepted)s accepted, %(refused)s deducted or rejected.",
                accepted=len(lines - refused),
                refused=len(refused),
            )
        ]
        labels = dict(lines._get_verdicts())
        for (verdict, reason), group in refused.grouped(
            lambda line: (line.verdict, line.deduction_reason_id)
        ).items():
            sentences.append(
                self.env._(
                    "%(verdict)s, %(reason)s: %(lines)s",
                    verdict=labels[verdict],
                    reason=reason.name,
                    lines=self._format_tags(group.mapped("display_name")),
                )
            )
        if refused:
            sentences.append(
                self.env._("If you don't agree, press “Object” on the line of the return.")
            )
        return sentences

    def _note_objection(self, lines, reason):
        """Tell about an objection, and ask those who may for the second look."""
        self._tell_sender(
            lambda d: [
                d.env._(
                    "Objection to the inspection of %(lines)s: %(reason)s",
                    lines=d._format_tags(lines.with_env(d.env).mapped("display_name")),
                    reason=reason,
                )
            ],
            customer_service=True,
        )
        # sudo: users of the role are read to find those in charge, and get an activity
        document = self.sudo()
        reviewers = document._get_reviewers(lines)
        users = reviewers or document._get_role_users("customer_service")
        for user in users - document.activity_ids.user_id:
            env = document.with_context(lang=user.lang).env
            note = not reviewers and env._(
                "Everybody who could take the second look has inspected or objected. Give the "
                "role of quality or logistics to somebody who has not."
            )
            document.activity_schedule(
                "aftersales_service.mail_activity_type_approval",
                summary=env._("Second look"),
                note=note or "",
                user_id=user.id,
            )

    def _get_reviewers(self, lines):
        """Return who may take the second look at ``lines``: quality, or else logistics."""
        for role in ("quality", "logistics"):
            if users := self._get_role_users(role).filtered(
                lambda user: not any(line.with_user(user)._get_review_obstacle() for line in lines)
            ):
                return users
        return self.env["res.users"]

    def _get_role_users(self, role):
        """Return the users of a role who work in the company of the return."""
        return (
            self.env["aftersales.deadline"]
            ._get_group_users(self.env.ref(f"aftersales_service.group_{role}"))
            .filtered(lambda user: self.company_id in user.company_ids)
        )

    def _note_review(self, lines, note):
        """Tell what the second look said, and drop the activities if no objection is left."""
        self._tell_sender(
            lambda d: [
                d.env._(
                    "Second look at %(lines)s: %(verdict)s. %(note)s",
                    lines=d._format_tags(lines.with_env(d.env).mapped("display_name")),
                    verdict=dict(lines.with_env(d.env)._get_verdicts())[lines[0].verdict],
                    note=note,
                )
            ],
            customer_service=True,
        )
        if not self.objection_count:
            # sudo: the activities were planned by the system, for whomever
            self.sudo().activity_unlink(["aftersales_service.mail_activity_type_approval"])

    def action_open_inspection(self):
        """Show the lines of this return that lie before the inspector."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_parts.action_return_line_inspection"
        )
        # the buttons of the form name the filter that they count
        filters = {k: v for k, v in self.env.context.items() if k.startswith("search_default_")}
        return {
            **action,
            "name": self.env._("Inspection of %s", self.name),
            "domain": [("return_id", "=", self.id)],
            "context": filters or {"search_default_received": 1},
        }
