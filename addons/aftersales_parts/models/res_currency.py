from odoo import models

DIGITS = "零壹贰叁肆伍陆柒捌玖"


class ResCurrency(models.Model):
    _inherit = "res.currency"

    def _aftersales_to_capitals(self, amount):
        """Return ``amount`` as it is written on Chinese documents so that nobody alters it (大写).

        Yuan in capitals; other currencies in the words of the user's language.
        """
        self.ensure_one()
        if self.name != "CNY":
            return self.amount_to_text(amount)
        cents = round(abs(amount) * 100)
        yuan, rest = divmod(cents, 100)
        tenths, hundredths = divmod(rest, 10)
        words = self._get_capitals(yuan) + "元" if yuan else ""
        if tenths:
            words += DIGITS[tenths] + "角"
        elif hundredths and yuan:
            words += "零"
        if hundredths:
            words += DIGITS[hundredths] + "分"
        else:
            words = (words or "零元") + "整"
        return ("负" if amount < 0 and cents else "") + words

    def _get_capitals(self, number):
        """Return a whole number, zero as nothing, in Chinese capitals."""
        for value, unit in ((10**8, "亿"), (10**4, "万")):
            if number >= value:
                high, low = divmod(number, value)
                zero = "零" if 0 < low < value // 10 else ""
                return self._get_capitals(high) + unit + zero + self._get_capitals(low)
        words, gap = "", False
        for value, unit in ((1000, "仟"), (100, "佰"), (10, "拾"), (1, "")):
            digit, number = divmod(number, value)
            if digit:
                words += ("零" if gap and words else "") + DIGITS[digit] + unit
            gap = not digit
        return words
