import hashlib

from stdnum.cn import uscc

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools import fapiao_capitals, fapiao_data

# tax bureaus of cities that report to the state themselves and number by codes of their own
CITY_BUREAUS = ("2102", "3302", "3502", "3702", "4403")
# how many fapiao are checked at once
CHECK_BATCH = 200


class AftersalesFapiao(models.Model):
    """What can be checked about a fapiao without asking the tax authority (M8.6)."""

    _inherit = "aftersales.fapiao"  # pylint: disable=consider-merging-classes-inherited

    def action_check(self):
        """Run the checks again: what failed may have been put right since."""
        self.check_access("write")
        for start in range(0, len(self), CHECK_BATCH):
            self[start : start + CHECK_BATCH]._run_checks()
        return True

    def _run_checks(self):
        """Compare what the file says; each check passed, failed, or was not possible."""
        self._add_own_parties()
        self |= self._tie_red()
        digests = self._get_known_digests()
        vals_list = [
            {"fapiao_id": fapiao.id, "code": code, "result": result, "detail": detail}
            for fapiao in self
            for code, (result, detail) in fapiao._get_check_results(digests).items()
        ]
        # sudo: results of checks are the system's; nobody enters them
        self.sudo().check_ids.unlink()
        self.env["aftersales.fapiao.check"].sudo().create(vals_list)
        self.invalidate_recordset(["check_ids"])

    def _get_known_digests(self):
        """Return {hash of a file: fapiao that have it}, over all companies."""
        digests = [d for f in self for d in (f.digest, f.pdf_digest) if d]
        # sudo: only whether the same file is there twice is told
        known = self.sudo().search(["|", ("digest", "in", digests), ("pdf_digest", "in", digests)])
        found = {}
        for fapiao in known:
            for digest in {fapiao.digest, fapiao.pdf_digest} - {False}:
                found[digest] = found.get(digest, self.browse()) | fapiao
        return found

    def _get_check_results(self, digests):
        """Return {code: (result, detail)} of each check, the detail in the user's words.

        :param dict digests: hash of a file → fapiao that have it
        """
        self.ensure_one()
        return {
            "number": self._check_number(),
            "province": self._check_province(),
            "header": self._compare(self.header_number, self.number),
            "date": self._check_date(),
            "confirmed": self._check_date_confirmed(),
            "sums": self._check_sums(),
            "lines": self._check_lines(),
            "rates": self._check_rates(),
            "capitals": self._check_capitals(),
            "kind": self._check_kind(),
            "seller": self._check_seller(),
            "buyer": self._check_buyer(),
            "buyer_name": self._check_buyer_name(),
            "uscc": self._check_uscc(),
            "duplicate": self._check_duplicate(digests),
            "red": self._check_red(),
            "sources": self._check_sources(),
            "file": self._check_file(),
        }

    @api.model
    def _get_result(self, good, detail=""):
        return ("passed", "") if good else ("failed", detail)

    def _compare(self, first, second):
        """Return the result of comparing two texts that a file needn't give."""
        if not first or not second:
            return ("impossible", self.env._("The file doesn't give it."))
        return self._get_result(first == second, f"{first} ≠ {second}")

    def _check_number(self):
        if self.code:
            legacy = len(self.code) in (10, 12) and len(self.number) == 8
            return self._get_result(legacy, self.name)
        number = self.number or ""
        year = self.date.strftime("%y")
        return self._get_result(
            len(number) == 20 and number.isdigit() and number[:2] == year,
            self.env._(
                "%(number)s begins with %(begin)s, and the year of issue is %(year)s.",
                number=number,
                begin=number[:2],
                year=self.date.year,
            ),
        )

    def _check_province(self):
        """Compare the number's province with the tax bureau, else with the seller's tax number."""
        bureau = self.bureau_code or ""
        vat = self.seller_vat or ""
        if self.code or len(self.number or "") != 20:
            return ("impossible", self.env._("Only a number of 20 digits tells the province."))
        province = self.number[2:4]
        if len(bureau) == 11 and bureau.isdigit():
            if province == bureau[1:3]:
                return ("passed", "")
            detail = f"{province} ≠ {bureau[1:3]}"
            # such a city's fapiao may also carry a code of its own
            return ("impossible" if bureau[1:5] in CITY_BUREAUS else "failed", detail)
        if len(vat) == 18 and province == vat[2:4]:
            return ("passed", "")
        return ("impossible", self.env._("The file doesn't name the tax bureau."))

    def _check_date(self):
        today = self.company_id._aftersales_local(fields.Datetime.now()).date()
        return self._get_result(
            self.date <= today, self.env._("Issued on a day that is still to come.")
        )

    def _get_matched_settlements(self):
        """Return the settlements that the fapiao is matched to."""
        return self.match_ids.settlement_id

    def _check_date_confirmed(self):
        # sudo: an accountant may check what he matched; only days are compared
        settlements = self.sudo()._get_matched_settlements().filtered("date_confirmed")
        if self.is_red or not settlements:
            return ("impossible", self.env._("It isn't matched to a confirmed settlement yet."))
        day = max(settlements._get_local_day(s.date_confirmed) for s in settlements)
        return self._get_result(
            self.date >= day,
            self.env._(
                "Issued on %(date)s, before the settlement was confirmed on %(day)s.",
                date=self.date,
                day=day,
            ),
        )

    def _check_sums(self):
        net_tax = self.currency_id.round(self.amount_untaxed + self.amount_tax)
        return self._get_result(
            self.currency_id.compare_amounts(net_tax, self.amount_total) == 0,
            f"{self.amount_untaxed:.2f} + {self.amount_tax:.2f} ≠ {self.amount_total:.2f}",
        )

    def _check_lines(self):
        if not self.line_ids:
            return ("impossible", self.env._("There are no lines."))
        net = self.currency_id.round(sum(self.line_ids.mapped("amount_untaxed")))
        tax = self.currency_id.round(sum(self.line_ids.mapped("amount_tax")))
        return self._get_result(
            self.currency_id.compare_amounts(net, self.amount_untaxed) == 0
            and self._is_within_tolerance(tax - self.amount_tax),
            self.env._(
                "The lines add up to %(net)s and VAT of %(tax)s.",
                net=f"{net:.2f}",
                tax=f"{tax:.2f}",
            ),
        )

    def _is_within_tolerance(self, amount):
        tolerance = self.company_id.aftersales_tax_tolerance
        return self.currency_id.compare_amounts(abs(amount), tolerance) <= 0

    def _check_rates(self):
        if not self.line_ids or not all(self.line_ids.mapped("has_rate")):
            return ("impossible", self.env._("Not every line gives its rate."))
        wrong = self.line_ids.filtered(
            lambda line: not self._is_within_tolerance(
                line.amount_untaxed * line.tax_rate / 100 - line.amount_tax
            )
        )
        return self._get_result(
            not wrong,
            "; ".join(
                f"{line.name}: {line.amount_untaxed:.2f} × {line.tax_rate:g} % "
                f"≠ {line.amount_tax:.2f}"
                for line in wrong[:3]
            ),
        )

    def _check_capitals(self):
        if not self.capitals:
            return ("impossible", self.env._("The file doesn't give it."))
        expected = fapiao_capitals.to_capitals(f"{self.amount_total:.2f}")
        # issuers may leave out the sign of a red one
        good = fapiao_capitals.parse_capitals(self.capitals) in (
            fapiao_capitals.parse_capitals(expected),
            abs(fapiao_capitals.parse_capitals(expected)) if self.is_red else None,
        )
        return self._get_result(good, f"{self.capitals} ≠ {expected}")

    def _check_kind(self):
        if not self.kind:
            return ("failed", self.env._("The file doesn't say whether it is a special one."))
        return self._get_result(self.kind == "special", self.env._("It is an ordinary one."))

    def _check_seller(self):
        if self.direction == "issued":
            return self._get_result(self.seller_vat == self.company_id.vat, self.seller_vat)
        name = fapiao_data.normalize_name(self.seller_name)
        # sudo: the name as the center is known by, which belongs on this fapiao
        known = self.sudo().center_id.commercial_partner_id.name
        detail = ""
        if self.center_id and name and name != fapiao_data.normalize_name(known):
            detail = self.env._(
                "Named “%(name)s” on the fapiao, “%(known)s” here.",
                name=self.seller_name,
                known=known,
            )
        if self.center_id:
            return ("passed", detail)
        return (
            "failed",
            self.env._("No service center, or several, have the number %s.", self.seller_vat),
        )

    def _check_buyer(self):
        if self.direction == "issued":
            maker = self.company_id.aftersales_manufacturer_id.commercial_partner_id
            if maker and self.partner_id and self.partner_id != maker:
                return (
                    "failed",
                    self.env._("We claim from %s, as the settings say.", maker.sudo().name),
                )
            return self._get_result(
                self.partner_id,
                self.env._("No partner, or several, have the number %s.", self.buyer_vat),
            )
        if not self.company_id.vat:
            return ("impossible", self.env._("Our own tax number is not entered."))
        return self._get_result(
            self.buyer_vat == self.company_id.vat, f"{self.buyer_vat} ≠ {self.company_id.vat}"
        )

    def _check_buyer_name(self):
        party = self.partner_id if self.direction == "issued" else self.company_id.partner_id
        # sudo: the name of the party itself, which belongs on this fapiao
        known = party.sudo().name
        if not self.buyer_name or not known:
            return ("impossible", self.env._("The name is not given."))
        normalize = fapiao_data.normalize_name
        return self._get_result(
            normalize(self.buyer_name) == normalize(known), f"{self.buyer_name} ≠ {known}"
        )

    def _check_uscc(self):
        # codes with letters in the first eight places exist that the check digit rule refuses
        if uscc.is_valid(self.seller_vat or ""):
            return ("passed", "")
        return ("impossible", self.env._("The check digit doesn't fit, or there is none."))

    def _check_duplicate(self, digests):
        others = self.browse().union(
            *(digests.get(d, self.browse()) for d in (self.digest, self.pdf_digest) if d)
        )
        others -= self
        # the center reads this, too: it isn't told about the fapiao of others
        own = others.filtered(lambda f: f.center_id and f.center_id == self.center_id)
        if own:
            return ("failed", self.env._("The same file is that of fapiao %s, too.", own[0].name))
        return self._get_result(
            not others, self.env._("The same file is that of a fapiao of another seller.")
        )

    def _check_sources(self):
        if self.file_differences:
            return ("failed", self.file_differences)
        if "," not in (self.file_places or ""):
            return ("impossible", self.env._("The data stand in one place only."))
        return ("passed", "")

    def _check_file(self):
        if not self.digest and not self.pdf_digest:
            return ("impossible", self.env._("No file backs it: entered by hand."))
        # bin_size: the size in place of the file would be another file
        record = self.with_context(bin_size=False)
        for content, digest in ((record.document, self.digest), (record.pdf, self.pdf_digest)):
            if digest and hashlib.sha256(self._decode_file(content)).hexdigest() != digest:
                return ("failed", self.env._("The file is another than the one that was read."))
        return ("passed", "")

    def _check_postable(self):
        """Raise UserError unless every check allows the fapiao to be posted."""
        for fapiao in self:
            failed = fapiao.check_ids.filtered(lambda c: c.result == "failed")
            if failed or not fapiao.check_ids:
                raise UserError(
                    self.env._(
                        "Fapiao %(number)s failed a check:\n%(checks)s\nAsk the service center "
                        "for a correct one.",
                        number=fapiao.name,
                        checks="\n".join(f"• {check._get_sentence()}" for check in failed),
                    )
                )
