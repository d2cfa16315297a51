"""Reading the XML of a fully digital fapiao (数电票), in the spellings that are in use.

``EInvoice`` of the versions 0.2 and 0.31 to 0.33, the same data as an XBRL instance, and with
Chinese tags. Elements are found by their names wherever they stand, without namespaces; where
two elements of a name differ, nothing is guessed.
"""

import codecs
import re

from lxml import etree

from . import fapiao_data as data
from .fapiao_data import Fapiao, FapiaoError, Line, Party

_DOCTYPE = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_ROOTS = {"einvoice", "xbrl", "invoice", "电子发票", "发票", "数电票", "全面数字化的电子发票"}

# local names in lower case; the groups of a field are tried one after the other
_NUMBER = (("invoicenumber",), ("发票号码", "数电发票号码", "数电票号码"))
_CODE = (("invoicecode", "发票代码"),)
_ISSUED = (("issuetime",), ("开票日期", "开票时间"), ("requesttime",))
_NET = (("totalamwithouttax", "合计金额", "金额合计"),)
_TAX = (("totaltaxam", "合计税额", "税额合计"),)
_GROSS = (("totaltax-includedamount", "totaltaxincludedamount", "价税合计", "价税合计小写"),)
_CAPITALS = (("totaltax-includedamountinchinese", "价税合计大写"),)
_PARTIES = {
    "seller": {
        "vat": (
            "selleridnum",
            "销售方纳税人识别号",
            "销方税号",
            "销售方税号",
            "销售方统一社会信用代码",
            "销售方统一社会信用代码纳税人识别号",
        ),
        "name": ("sellername", "销售方名称", "销方名称"),
        "address": ("selleraddr", "销售方地址"),
        "phone": ("sellertelnum", "销售方电话"),
        "bank": ("sellerbankname", "销售方开户银行"),
        "account": ("sellerbankaccnum", "销售方银行账号"),
    },
    "buyer": {
        "vat": (
            "buyeridnum",
            "购买方纳税人识别号",
            "购方税号",
            "购买方税号",
            "购买方统一社会信用代码",
            "购买方统一社会信用代码纳税人识别号",
            "unifiedsocialcreditcodeofaccountingentity",
        ),
        "name": ("buyername", "购买方名称", "购方名称", "nameofaccountingentity"),
        "address": ("buyeraddr", "购买方地址"),
        "phone": ("buyertelnum", "购买方电话"),
        "bank": ("buyerbankname", "购买方开户银行"),
        "account": ("buyerbankaccnum", "购买方银行账号"),
    },
}
_LINE_NAME = ("itemname", "项目名称", "货物或应税劳务服务名称", "货物或应税劳务名称")
_LINE_AMOUNT = ("amount", "金额")
_LINE = {
    "specification": ("specmod", "规格型号"),
    "unit": ("meaunits", "单位"),
    "quantity": ("quantity", "数量"),
    "price_unit": ("unprice", "单价"),
    "tax_rate": ("taxrate", "税率", "税率征收率"),
    "amount_tax": ("comtaxam", "税额"),
}
_RED_LABEL = (("whethereinvoiceisredeinvoice", "是否红字发票"),)
_BLUE = (
    ("originalinvoicenumber", "originalinvoicecode", "被红冲蓝字发票号码", "被红冲蓝字数电票号码"),
    ("被红冲蓝字数电发票号码", "蓝字发票号码", "对应蓝字发票号码"),
)
_CONFIRMATION = (
    ("creditnotenumber", "红字发票信息确认单编号", "红字确认单编号", "rednotificationnumber"),
)


def decode(raw):
    """Return the text of XML bytes, whatever encoding the file declares.

    Files declare UTF-8 and are GBK, or the other way round; text that is valid UTF-8 is no GBK
    in practice.

    :raises FapiaoError: neither of them
    """
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise FapiaoError("encoding")


def check_safe(text):
    """Raise FapiaoError if XML declares a document type or entities, which no fapiao does."""
    if _DOCTYPE.search(text):
        raise FapiaoError("doctype")


def parse(raw):
    """Return the root element of XML that comes from outside.

    :raises FapiaoError: it isn't XML, or declares what could harm
    """
    text = decode(raw)
    check_safe(text)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(_DECLARATION.sub("", text).encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise FapiaoError("xml") from error


def local_name(element):
    """Return the element's name without namespace and punctuation, in lower case."""
    name = etree.QName(element).localname
    return re.sub(r"[（）()、_/:：\s]", "", name).lower()


def read(raw):
    """Return the `Fapiao` that the XML file holds.

    :param bytes raw: the file
    :raises FapiaoError: it isn't one, or not a safe file
    """
    root = parse(raw)
    fapiao = read_tree(root)
    if not fapiao:
        raise FapiaoError("not_fapiao")
    fapiao.source = "xml"
    return data.complete(fapiao)


def read_tree(root):
    """Return the `Fapiao` in the tree, complete or not, or None if it is something else."""
    if local_name(root) not in _ROOTS:
        return None
    found = _Values(root)
    if not (found.get(*_NUMBER) or found.get(*_GROSS)):
        return None
    fapiao = Fapiao(
        number=found.get(*_NUMBER),
        code=found.get(*_CODE),
        header_number=found.get(("eiid",)),
        kind=_get_kind(root, found),
        is_red=_get_red(root, found),
        blue_number=found.get(*_BLUE),
        confirmation_number=found.get(*_CONFIRMATION),
        capitals=found.get(*_CAPITALS),
        remark=found.get(("remark", "备注")),
        drawer=found.get(("drawer", "开票人")),
        bureau_code=found.get(("taxbureaucode",)),
        lines=[_read_line(line) for line in found.lines],
    )
    for name, group in (("amount_untaxed", _NET), ("amount_tax", _TAX), ("amount_total", _GROSS)):
        if value := found.get(*group):
            setattr(fapiao, name, data.parse_amount(value, group[0][0]))
    if value := found.get(*_ISSUED):
        fapiao.date = data.parse_date(value, "IssueTime")
    for side, names in _PARTIES.items():
        values = {name: found.get(group) for name, group in names.items()}
        party = Party(
            vat=re.sub(r"\s", "", values["vat"]).upper(),
            name=values["name"],
            address=" ".join(filter(None, (values["address"], values["phone"]))),
            bank=" ".join(filter(None, (values["bank"], values["account"]))),
        )
        setattr(fapiao, side, party)
    return fapiao


class _Values:
    """The texts of a tree by the names of their elements, and its lines."""

    def __init__(self, root):
        self.lines = []
        self._texts = {}
        # a loop, because a hostile file nests deeper than Python calls
        waiting = [root]
        while waiting:
            element = waiting.pop()
            names = {local_name(child) for child in element}
            if names.intersection(_LINE_NAME) and names.intersection(_LINE_AMOUNT):
                self.lines.append(element)
                continue
            text = (element.text or "").strip()
            if text and not len(element):
                self._texts.setdefault(local_name(element), set()).add(text)
            waiting.extend(reversed(element))

    def get(self, *groups):
        """Return the text of the first group of names that has one.

        :raises FapiaoError: elements of a group say different things
        """
        for group in groups:
            texts = set().union(*(self._texts.get(name, ()) for name in group))
            if len(texts) > 1:
                raise FapiaoError(
                    "ambiguous", name=group[0], values=[text[:40] for text in sorted(texts)]
                )
            if texts:
                return texts.pop()
        return ""


def _read_line(element):
    texts = {}
    for child in element:
        texts.setdefault(local_name(child), (child.text or "").strip())

    def get(names):
        return next((texts[name] for name in names if texts.get(name)), "")

    values = {name: get(names) for name, names in _LINE.items()}
    line = Line(
        name=get(_LINE_NAME),
        specification=values["specification"],
        unit=values["unit"],
        amount_untaxed=data.parse_rounded(get(_LINE_AMOUNT), "Amount"),
        tax_rate=data.parse_rate(values["tax_rate"], "TaxRate"),
    )
    tax = values["amount_tax"]
    if tax and tax.strip("*"):
        line.amount_tax = data.parse_rounded(tax, "ComTaxAm")
    for name in ("quantity", "price_unit"):
        if values[name]:
            setattr(line, name, data.parse_decimal(values[name], name))
    return line


def _get_label(root, name):
    for element in root.iter():
        if local_name(element) == name:
            return next(
                (
                    (child.text or "").strip()
                    for child in element
                    if local_name(child) == "labelcode"
                ),
                (element.text or "").strip(),
            )
    return ""


def _get_kind(root, found):
    code = _get_label(root, "generalorspecialvat")
    if code in ("01", "02"):
        return "special" if code == "01" else "ordinary"
    words = found.get(("发票类型", "发票种类", "票种", "invoicetype", "typeofinvoice"))
    if "专用" in words:
        return "special"
    return "ordinary" if "普通" in words else ""


def _get_red(root, found):
    code = _get_label(root, "inissutype").upper()
    if code in ("Y", "N"):
        return code == "N"
    words = found.get(*_RED_LABEL).lower()
    if words in ("true", "false", "是", "否"):
        return words in ("true", "是")
    return None
