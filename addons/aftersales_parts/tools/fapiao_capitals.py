"""Amounts in the capital Chinese characters that an invoice is written with (价税合计大写)."""

from decimal import Decimal

DIGITS = "零壹贰叁肆伍陆柒捌玖"
UNITS = ("", "拾", "佰", "仟")
GROUPS = ("", "万", "亿", "万亿")
MAX_LENGTH = 60
# what issuers write instead
_VARIANTS = str.maketrans("元正〇貳貮參陸億萬圓整", "圆整零贰贰叁陆亿万圆整")


def to_capitals(amount):
    """Return the non-negative or negative ``amount`` of yuan in capital Chinese characters."""
    cents = int(abs(Decimal(str(amount))) * 100)
    yuan, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    text = f"{_integer(yuan)}圆" if yuan else ""
    if jiao:
        text += f"{DIGITS[jiao]}角"
    elif fen and yuan:
        text += "零"
    text += f"{DIGITS[fen]}分" if fen else ""
    if not text:
        text = "零圆"
    sign = "（负数）" if Decimal(str(amount)) < 0 else ""
    return sign + text + ("" if fen else "整")


def _integer(number):
    text, gap, position = "", False, 0
    groups = []
    while number:
        groups.append((number % 10000, position))
        number //= 10000
        position += 1
    for group, place in reversed(groups):
        if not group:
            gap = bool(text)
            continue
        if text and (gap or group < 1000):
            text += "零"
        text += _group(group) + GROUPS[place]
        gap = False
    return text


def _group(number):
    text, gap = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            text += ("零" if gap and text else "") + DIGITS[digit] + UNITS[place]
            gap = False
        else:
            gap = True
    return text


def parse_capitals(text):
    """Return the Decimal that ``text`` gives, or None if it isn't an amount in capitals.

    Issuers differ in 零, 整 and the sign, so that figures are compared and not texts.
    """
    text = "".join(text.split()).translate(_VARIANTS)
    if len(text) > MAX_LENGTH:
        return None  # longer than any amount
    negative = False
    for prefix in ("人民币", "（负数）", "(负数)", "⊗", "ⓧ", "负"):
        if text.startswith(prefix):
            text = text[len(prefix) :]
            negative |= prefix != "人民币"
    text = text.removesuffix("整")
    yuan, _sign, rest = text.partition("圆") if "圆" in text else ("", "", text)
    jiao, _sign, fen = rest.partition("角") if "角" in rest else ("", "", rest)
    if fen and not fen.endswith("分"):
        return None
    values = [
        _parse_integer(yuan),
        _parse_digit(jiao.lstrip("零") or jiao[:1]),
        _parse_digit(fen.removesuffix("分").lstrip("零") or fen[:1]),
    ]
    if None in values or not text:
        return None
    amount = values[0] + Decimal(values[1]) / 10 + Decimal(values[2]) / 100
    return -amount if negative else amount


def _parse_digit(text):
    if not text:
        return 0
    return DIGITS.index(text) if len(text) == 1 and text in DIGITS else None


def _parse_integer(text):
    """Return the whole number that ``text`` gives, or None."""
    for sign, factor in (("亿", 10**8), ("万", 10**4)):
        if sign in text:
            high, _sign, low = text.rpartition(sign)
            left, right = _parse_integer(high), _parse_integer(low)
            if not left or right is None or right >= factor:
                return None
            return left * factor + right
    total, digit = 0, None
    for char in text:
        if char in DIGITS:
            if digit:
                return None
            digit = DIGITS.index(char)
        elif char in UNITS[1:]:
            total += (digit or (1 if char == "拾" and not total else 0)) * 10 ** UNITS.index(char)
            if not digit and char != "拾":
                return None
            digit = None
        else:
            return None
    return total + (digit or 0)
