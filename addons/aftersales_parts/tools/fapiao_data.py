"""What a fapiao says, as its file gives it: texts, days and exact decimals."""

import datetime
import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
# more digits no amount of money has, and a database field keeps them exactly
MAX_DIGITS = 12
_NUMBER = re.compile(rf"-?\d{{1,{MAX_DIGITS}}}(\.\d{{1,20}})?")
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
_DATE = re.compile(r"(\d{4})\s*[-/.年]?\s*(\d{1,2})\s*[-/.月]?\s*(\d{1,2})\s*日?(?=$|[\sT])")
# lines without VAT say so in words, or by asterisks
_UNTAXED = {"免税", "不征税", "***", "免征增值税", "出口零税", "普通零税率", "零税率"}
_BLUE_NUMBER = re.compile(
    r"(?:被红冲蓝字|对应正数|对应蓝字)(?:数电|全电)?(?:发?票)?"
    r"(?:代码\s*[:：]?\s*(\d{10}(?:\d{2})?)\s*)?(?:发票)?号码\s*[:：]?\s*(\d{20}|\d{8})(?!\d)"
)
_CONFIRMATION = re.compile(r"红字发票信息(?:确认单|表)编号\s*[:：]?\s*([0-9A-Z]{10,30})")


class FapiaoError(Exception):
    """The file can't be taken for a fapiao; ``code`` says why, ``params`` what about.

    Whoever shows it to a user turns the code into a sentence of his language.
    """

    def __init__(self, code, /, **params):
        super().__init__(code, params)
        self.code = code
        self.params = params


@dataclass
class Party:
    """Seller or buyer."""

    vat: str = ""
    name: str = ""
    address: str = ""
    bank: str = ""


@dataclass
class Line:
    """A line of goods or services; negative ones are discounts."""

    name: str = ""
    specification: str = ""
    unit: str = ""
    quantity: Decimal | None = None
    price_unit: Decimal | None = None
    amount_untaxed: Decimal = Decimal()
    tax_rate: Decimal | None = None  # in per cent; None: the file gives none
    amount_tax: Decimal = Decimal()


@dataclass
class Fapiao:
    """A fapiao as one file, or one place in a file, gives it; None and "" are not given."""

    number: str = ""
    code: str = ""
    header_number: str = ""
    kind: str = ""  # special, ordinary
    is_red: bool | None = None
    blue_number: str = ""
    confirmation_number: str = ""
    date: datetime.date | None = None
    seller: Party = field(default_factory=Party)
    buyer: Party = field(default_factory=Party)
    amount_untaxed: Decimal | None = None
    amount_tax: Decimal | None = None
    amount_total: Decimal | None = None
    capitals: str = ""
    lines: list[Line] = field(default_factory=list)
    remark: str = ""
    drawer: str = ""
    bureau_code: str = ""
    source: str = ""
    places: list[str] = field(default_factory=list)
    differences: list[tuple[str, str, str]] = field(default_factory=list)

    def get_facts(self):
        """Return what two files about the same fapiao have to agree on, without what is empty."""
        facts = {
            "InvoiceNumber": self.number,
            "InvoiceCode": self.code,
            "IssueTime": self.date and self.date.isoformat(),
            "SellerIdNum": self.seller.vat,
            "SellerName": normalize_name(self.seller.name),
            "BuyerIdNum": self.buyer.vat,
            "BuyerName": normalize_name(self.buyer.name),
            "TotalAmWithoutTax": self.amount_untaxed,
            "TotalTaxAm": self.amount_tax,
            "TotalTax-includedAmount": self.amount_total,
        }
        return {name: str(value) for name, value in facts.items() if value not in (None, "")}


def complete(fapiao):
    """Check and finish what a reader has found, whatever kind of file it was.

    :raises FapiaoError: it lacks what every fapiao has, or contradicts itself
    """
    for name, value in (
        ("InvoiceNumber", fapiao.number),
        ("IssueTime", fapiao.date),
        ("TotalAmWithoutTax", fapiao.amount_untaxed),
        ("TotalTaxAm", fapiao.amount_tax),
        ("TotalTax-includedAmount", fapiao.amount_total),
    ):
        if value in (None, ""):
            raise FapiaoError("lacks", name=name)
    check_number(fapiao.code, fapiao.number)
    match = _BLUE_NUMBER.search(fapiao.remark)
    if match and not fapiao.blue_number:
        fapiao.blue_number = join_number(*match.groups())
    match = _CONFIRMATION.search(fapiao.remark)
    if match and not fapiao.confirmation_number:
        fapiao.confirmation_number = match.group(1)
    negative = fapiao.amount_total < 0
    if fapiao.is_red is None:
        fapiao.is_red = negative
    if fapiao.is_red and not negative:
        raise FapiaoError("red_positive", amount=str(fapiao.amount_total))
    if negative and not fapiao.is_red:
        raise FapiaoError("blue_negative", amount=str(fapiao.amount_total))
    if not fapiao.amount_total:
        raise FapiaoError("zero")
    return fapiao


def check_number(code, number):
    """Raise FapiaoError unless the number has 20 digits, or code and number those of older ones."""
    if not number.isascii() or not number.isdigit():
        raise FapiaoError("number", number=number)
    if code:
        if not (code.isascii() and code.isdigit() and len(code) in (10, 12) and len(number) == 8):
            raise FapiaoError("legacy_number", code=code, number=number)
    elif len(number) == 8:
        raise FapiaoError("lacks", name="InvoiceCode")
    elif len(number) != 20:
        raise FapiaoError("number", number=number)


def join_number(code, number):
    """Return the one text that names a fapiao: 20 digits, or code and number of an older one.

    The dash keeps a code of 12 digits with its number of 8 apart from a number of 20.
    """
    return f"{code}-{number}" if code else number


def normalize_name(name):
    """Return a company's name such that full-width and half-width spellings are the same."""
    table = {ord("（"): "(", ord("）"): ")", ord("　"): " "}
    return "".join((name or "").translate(table).split())


def parse_decimal(text, name=""):
    """Return the exact number that ``text`` gives; exponents, NaN and the like are none.

    :raises FapiaoError: it is no number, or one that no amount has
    """
    value = (text or "").strip().lstrip("¥￥").strip()
    if _THOUSANDS.fullmatch(value):
        value = value.replace(",", "")
    if not value.isascii() or not _NUMBER.fullmatch(value):
        raise FapiaoError("amount", name=name, value=(text or "").strip()[:40])
    return Decimal(value)


def parse_amount(text, name=""):
    """Return an amount of money, which has no fractions of a cent."""
    value = parse_decimal(text, name)
    if value != value.quantize(CENT):
        raise FapiaoError("amount", name=name, value=text.strip()[:40])
    return value.quantize(CENT)


def parse_rounded(text, name=""):
    """Return the amount of a line, rounded to the cent: the VAT of lines has up to six places."""
    return parse_decimal(text, name).quantize(CENT, ROUND_HALF_UP)


def parse_rate(text, name=""):
    """Return the rate in per cent from “0.13”, “13%” or words; None if there is none."""
    value = (text or "").strip()
    if not value:
        return None
    if value in _UNTAXED or not value.strip("*"):
        return Decimal()
    rate = parse_decimal(value.rstrip("%"), name)
    rate = rate if value.endswith("%") else rate * 100
    if not 0 <= rate < 100:
        raise FapiaoError("amount", name=name, value=value[:40])
    return rate.normalize()


def parse_date(text, name=""):
    """Return the day; the tax system writes Chinese local time, whose day is the fapiao's.

    :raises FapiaoError: it is no day
    """
    match = _DATE.match((text or "").strip())
    try:
        return datetime.datetime(*(int(part) for part in match.groups())).date()
    except (AttributeError, ValueError) as error:
        raise FapiaoError("date", name=name, value=(text or "").strip()[:40]) from error
