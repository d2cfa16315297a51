"""Reading the XML of a fully digital fapiao (数电票), in the spellings that are in use.

``EInvoice`` of the versions 0.2 and 0.31 to 0.33, the same data as an XBRL instance, with Chinese
tags, and the older schema that OFD files have (``InvoiceNo``). Elements are found by their names
wherever they stand, without namespaces; where two elements of a name differ, nothing is guessed.
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
_NUMBER = (("invoicenumber",), ("invoiceno",), ("发票号码", "数电发票号码", "数电票号码"))
_CODE = (("invoicecode",), ("发票代码",))
_ISSUED = (("issuetime",), ("issuedate",), ("开票日期", "开票时间"), ("requesttime",))
_NET = (("totalamwithouttax", "taxexclusivetotalamount", "合计金额", "金额合计"),)
_TAX = (("totaltaxam", "taxtotalamount", "合计税额", "税额合计"),)
_GROSS = (
    ("totaltax-includedamount", "totaltaxincludedamount", "taxinclusivetotalamount"),
    ("价税合计", "价税合计小写"),
)
_CAPITALS = (("totaltax-includedamountinchinese", "价税合计大写"),)
_PARTIES = {
    "seller": {
        "vat": (
            "selleridnum",
            "sellertaxid",
            "销售方纳税人识别号",
            "销方税号",
            "销售方税号",
            "销售方统一社会信用代码",
            "销售方统一社会信用代码纳税人识别号",
        ),
        "name": ("sellername", "销售方名称", "销方名称"),
        "address": ("selleraddr", "selleraddrtel", "销售方地址", "销售方地址电话"),
        "phone": ("sellertelnum", "销售方电话"),
        "bank": (
            "sellerbankname",
            "sellerfinancialaccount",
            "销售方开户银行",
            "销售方开户行及账号",
        ),
        "account": ("sellerbankaccnum", "销售方银行账号"),
    },
    "buyer": {
        "vat": (
            "buyeridnum",
            "buyertaxid",
            "购买方纳税人识别号",
            "购方税号",
            "购买方税号",
            "购买方统一社会信用代码",
            "购买方统一社会信用代码纳税人识别号",
            "unifiedsocialcreditcodeofaccountingentity",
        ),
        "name": ("buyername", "购买方名称", "购方名称", "nameofaccountingentity"),
        "address": ("buyeraddr", "buyeraddrtel", "购买方地址", "购买方地址电话"),
        "phone": ("buyertelnum", "购买方电话"),
        "bank": ("buyerbankname", "buyerfinancialaccount", "购买方开户银行", "购买方开户行及账号"),
        "account": ("buyerbankaccnum", "购买方银行账号"),
    },
}
_LINE_NAME = ("itemname", "item", "项目名称", "货物或应税劳务服务名称", "货物或应税劳务名称")
_LINE_AMOUNT = ("amount", "金额")
_LINE = {
    "specification": ("specmod", "specification", "规格型号"),
    "unit": ("meaunits", "measurementdimension", "单位"),
    "quantity": ("quantity", "数量"),
    "price_unit": ("unprice", "price", "单价"),
    "tax_rate": ("taxrate", "taxscheme", "税率", "税率征收率"),
    "amount_tax": ("comtaxam", "taxamount", "税额"),
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
    return clean_name(etree.QName(element).localname)


def clean_name(name):
    """Return a name without blanks and punctuation, in lower case."""
    return re.sub(r"[（）()、，,_/:：\s]", "", name).lower()


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


def read_tree(root, any_root=False):
    """Return the `Fapiao` in the tree, complete or not, or None if it is something else.

    :param any_root: whatever the name of the root; default those that fapiao have
    """
    if not any_root and local_name(root) not in _ROOTS:
        return None
    return _read(_Values(root), root)


def read_values(values):
    """Return the `Fapiao` that {name: text} gives, or None if it is something else."""
    root = etree.Element("root")
    found = _Values(root)
    for name, text in values.items():
        found.add(clean_name(name), text)
    return _read(found, root)


def _read(found, root):
    number, gross = found.get(*_NUMBER), found.get(*_GROSS)
    if not (number or gross):
        return None
    fapiao = Fapiao(
        number=re.sub(r"\s", "", number),
        code=re.sub(r"\s", "", found.get(*_CODE)),
        header_number=found.get(("eiid",)),
        kind=_get_kind(root, found),
        is_red=_get_red(root, found),
        blue_number=found.get(*_BLUE),
        confirmation_number=found.get(*_CONFIRMATION),
        capitals=found.get(*_CAPITALS),
        remark=found.get_words(("remark", "note", "备注")),
        drawer=found.get_words(("drawer", "invoiceclerk", "开票人")),
        bureau_code=found.get(("taxbureaucode",)),
        lines=[_read_line(line) for line in found.lines],
    )
    for name, group in (("amount_untaxed", _NET), ("amount_tax", _TAX), ("amount_total", _GROSS)):
        if value := found.get(*group):
            setattr(fapiao, name, data.parse_amount(value, group[0][0]))
    if value := found.get(*_ISSUED):
        fapiao.date = data.parse_date(value, "IssueTime")
    for side, names in _PARTIES.items():
        values = {
            name: found.get(group) if name in ("vat", "name") else found.get_words(group)
            for name, group in names.items()
        }
        party = Party(
            vat=re.sub(r"\s", "", values["vat"]).upper(),
            name=values["name"],
            address=" ".join(filter(None, (values["address"], values["phone"]))),
            bank=" ".join(filter(None, (values["bank"], values["account"]))),
        )
        setattr(fapiao, side, party)
    return fapiao


class _Values:
    """The texts of a tree by the names of their elements, and its lines, each {name: text}."""

    def __init__(self, root):
        self.lines = []
        self._texts = {}
        # a loop, because a hostile file nests deeper than Python calls
        waiting = [root]
        while waiting:
            element = waiting.pop()
            names = [local_name(child) for child in element]
            if element is not root and self._is_line(names):
                self.lines.append(
                    {name: child.text or "" for name, child in zip(names, element, strict=True)}
                )
                continue
            if not len(element):
                self.add(local_name(element), element.text)
            waiting.extend(reversed(element))
        if not self.lines:
            self.lines = self._get_columns(root)

    @staticmethod
    def _is_line(names):
        """Tell by the names of its children whether an element is a line: one item, no number."""
        return (
            sum(name in _LINE_NAME for name in names) == 1
            and any(name in _LINE_AMOUNT for name in names)
            and not {name for group in _NUMBER for name in group}.intersection(names)
        )

    def _get_columns(self, root):
        """Return the lines of a tree that repeats their fields side by side, as OFD tags do."""
        columns = {}
        for element in root:
            if not len(element) and (element.text or "").strip():
                columns.setdefault(local_name(element), []).append(element.text)
        items = [columns[name] for name in _LINE_NAME if name in columns]
        if len(items) != 1 or not any(name in columns for name in _LINE_AMOUNT):
            return []
        count = len(items[0])
        # a column with fewer values doesn't say which lines it leaves out
        full = {name: values for name, values in columns.items() if len(values) == count}
        if not any(name in full for name in _LINE_AMOUNT):
            return []
        return [{name: values[index] for name, values in full.items()} for index in range(count)]

    def add(self, name, text):
        """Note the text of an element; empty ones say nothing."""
        if text := (text or "").strip():
            self._texts.setdefault(name, {})[text] = True

    def get(self, *groups):
        """Return the text of the first group of names that has one.

        :raises FapiaoError: elements of a group say different things
        """
        for group in groups:
            texts = self._get_texts(group)
            if len(texts) > 1:
                raise FapiaoError("ambiguous", name=group[0], values=[text[:40] for text in texts])
            if texts:
                return texts[0]
        return ""

    def get_words(self, names):
        """Return all texts of the names as one, where more than one does no harm."""
        return " ".join(self._get_texts(names))

    def _get_texts(self, names):
        return list(dict.fromkeys(text for name in names for text in self._texts.get(name, ())))


def _read_line(texts):
    def get(names):
        return next((texts[name].strip() for name in names if texts.get(name, "").strip()), "")

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
