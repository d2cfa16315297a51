import hashlib

from stdnum.cn import uscc

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

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
        digests, twins = self._get_known_digests(), self._get_twins()
        # sudo: results of checks are the system's; nobody enters them
        checks = self.sudo().check_ids
        known = {(check.fapiao_id.id, check.code): check for check in checks}
        vals_list = []
        for fapiao in self:
            own = twins[fapiao]
            for code, (result, detail) in fapiao._get_check_results(digests, own).items():
                basis = fapiao._get_basis(code, own)
                vals = {"result": result, "detail": detail, "basis": basis}
                if check := known.pop((fapiao.id, code), None):
                    check._update(vals)
                else:
                    vals_list.append({"fapiao_id": fapiao.id, "code": code, **vals})
        checks.browse().union(*known.values()).unlink()
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

    def _get_twins(self):
        """Return {fapiao: others of any company that may be the same one} (M8.6).

        The same number in another company, or the same figures under the other number that a
        digital fapiao on paper has besides its 20 digits.
        """
        # sudo: only that there is another one is told
        others = self.sudo().search(
            Domain("name", "in", self.mapped("name"))
            | Domain("seller_vat", "in", self.mapped("seller_vat"))
            & Domain("date", "in", self.mapped("date"))
            & Domain("amount_total", "in", self.mapped("amount_total"))
        )
        by_name, by_figures = {}, {}
        for other in others:
            by_name.setdefault(other.name, []).append(other.id)
            by_figures.setdefault(other._get_figures(), []).append(other.id)
        return {
            fapiao: others.browse(
                other.id
                for other in others.browse(
                    {*by_name.get(fapiao.name, ()), *by_figures.get(fapiao._get_figures(), ())}
                ).sorted("id")
                if other.id != fapiao.id
                and (other.name == fapiao.name or bool(other.code) != bool(fapiao.code))
            )
            for fapiao in self
        }

    def _get_figures(self):
        amounts = (self.amount_untaxed, self.amount_tax, self.amount_total)
        return (self.seller_vat, self.buyer_vat, self.date, *(f"{a:.2f}" for a in amounts))

    def _get_check_results(self, digests, twins):
        """Return {code: (result, detail)} of each check, the detail in the user's words.

        :param dict digests: hash of a file → fapiao that have it
        :param twins: other fapiao that may be the same one
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
            "rate": self._check_expected_tax(),
            "capitals": self._check_capitals(),
            "kind": self._check_kind(),
            "seller": self._check_seller(),
            "buyer": self._check_buyer(),
            "buyer_name": self._check_buyer_name(),
            "uscc": self._check_uscc(),
            "duplicate": self._check_duplicate(digests),
            "twin": self._check_twin(twins),
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

    def _get_confirmed_day(self):
        """Return the day on which the last of the matched settlements was confirmed, if any."""
        # sudo: an accountant may check what he matched; only days are compared
        settlements = self.sudo()._get_matched_settlements().filtered("date_confirmed")
        days = [settlements._get_local_day(s.date_confirmed) for s in settlements]
        return False if self.is_red or not days else max(days)

    def _get_basis(self, code, twins):
        """Return the figures that a check compares, if it may be accepted (in no language)."""
        # sudo: only which settlements are matched is kept
        matched = sorted(self.sudo()._get_matched_settlements().ids)
        if code == "confirmed":
            return f"{self.date} {self._get_confirmed_day()} {matched}"
        if code == "rate":
            return f"{self.amount_total:.2f} {self._get_compared_tax()} {matched}"
        if code == "twin":
            return f"{twins.ids} {self.conflict_digest}"
        return False

    def _check_date_confirmed(self):
        day = self._get_confirmed_day()
        if not day:
            return ("impossible", self.env._("It isn't matched to a confirmed settlement yet."))
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

    def _get_compared_tax(self):
        """Return (VAT, VAT by the rates at which the settlements were accrued) of what is matched.

        None while a part isn't matched; a red fapiao follows its blue one.
        """
        # sudo: an accountant of invoices may lack rights on entries; only sums are compared
        matches = self.sudo().match_ids
        settlements = matches.settlement_id
        if self.is_red or not matches or self.state in ("read", "partly"):
            return None
        if not all(settlement.move_id for settlement in settlements):
            return None
        gross = sum(matches.mapped("amount"))
        net = sum(match.settlement_id._get_accrued_at(match.amount) for match in matches)
        # without what a red one has taken back
        actual = self.amount_tax * gross / self.amount_total
        return self.currency_id.round(actual), self.currency_id.round(gross - net)

    def _check_expected_tax(self):
        compared = self._get_compared_tax()
        if compared is None:
            return ("impossible", self.env._("It isn't wholly matched to settlements yet."))
        actual, expected = compared
        lost = self.currency_id.round(expected - actual)
        # each share of a settlement is rounded, too
        tolerance = self._get_tax_tolerance() + len(self.match_ids) * self.currency_id.rounding
        if self.currency_id.compare_amounts(abs(lost), tolerance) <= 0:
            return ("passed", "")
        detail = self.env._(
            "VAT of %(actual)s instead of %(expected)s.",
            actual=f"{actual:.2f}",
            expected=f"{expected:.2f}",
        )
        if lost > 0 and self.direction == "received":
            detail += " " + self.env._("Input VAT that is lost: %s.", f"{lost:.2f}")
        return ("failed", detail)

    def _get_tax_tolerance(self):
        """Return by how much the VAT may differ from rate × net.

        The tax system rounds each line: its net by half a cent, so that the gross price stays,
        and then the VAT takes what is left. Never less than the company's tolerance. A line isn't
        rounded by more than it amounts to, and no rate gives more than the highest in the settings.
        """
        half = self.currency_id.rounding / 2
        # sudo: a service center whose fapiao is checked lacks rights on taxes
        company = self.sudo().company_id
        taxes = company.aftersales_purchase_tax_id | company.aftersales_service_tax_id
        taxes |= company.aftersales_fapiao_tax_ids
        highest = max(taxes.mapped("amount"), default=0)
        rounding = sum(
            min(
                half * (1 + min(line.tax_rate, highest) / 100),
                abs(line.amount_untaxed) + abs(line.amount_tax),
            )
            for line in self.line_ids
        )
        return max(self.company_id.aftersales_tax_tolerance, rounding)

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

    def _check_twin(self, twins):
        # the center reads this, too: it isn't told about the fapiao of others
        if self.conflict_digest:
            return (
                "failed",
                self.env._("A file with this number says something else: one is not genuine."),
            )
        own = twins.filtered(
            lambda f: (
                f.center_id and (f.center_id, f.company_id) == (self.center_id, self.company_id)
            )
        )
        if own:
            return ("failed", self.env._("Fapiao %s has the same figures.", own[0].name))
        return self._get_result(
            not twins, self.env._("Another company or center has entered such a fapiao.")
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
                message = self.env._(
                    "Fapiao %(number)s failed a check:\n%(checks)s\nAsk the service center for a "
                    "correct one.",
                    number=fapiao.name,
                    checks="\n".join(f"• {check._get_sentence()}" for check in failed),
                )
                if failed and all(failed.mapped("is_acceptable")):
                    message += "\n" + self.env._(
                        "Or an accountant accepts it with a reason, under “Checks” of the fapiao."
                    )
                raise UserError(message)
