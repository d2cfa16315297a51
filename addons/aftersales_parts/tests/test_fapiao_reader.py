import contextlib
import datetime
import random
from decimal import Decimal
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from ..tools import fapiao_archive, fapiao_capitals, fapiao_data, fapiao_ofd, fapiao_xml
from ..tools.fapiao_data import FapiaoError
from .common import EINVOICE
from .fapiao_files import FACTS, NUMBER, make_ofd, make_zip, read_sample

LIMITS = fapiao_archive.Limits(file_bytes=5 * 2**20, total_bytes=50 * 2**20, files=200)
XML = EINVOICE.format(
    number=NUMBER,
    kind="01",
    blue="Y",
    seller="91330109MA2AYBC366",
    buyer="91350800MA2XNB3K2H",
    buyer_name="制造商",
    net=2890.27,
    tax=375.73,
    gross=3266.00,
    date="2026-11-20",
    rate="0.13",
    remark="",
).encode()


class TestFapiaoReader(BaseCase):
    """What the readers take from files, by themselves, without a database."""

    def _assert_refused(self, code, read, *args):
        with self.assertRaises(FapiaoError) as caught:
            read(*args)
        self.assertEqual(caught.exception.code, code)
        return caught.exception.params

    def _assert_facts(self, fapiao):
        self.assertEqual(
            fapiao.get_facts(),
            {
                "InvoiceNumber": NUMBER,
                "IssueTime": "2026-11-20",
                "SellerIdNum": "91330109MA2AYBC366",
                "SellerName": "杭州服务",
                "BuyerIdNum": "91350800MA2XNB3K2H",
                "BuyerName": "制造商",
                "TotalAmWithoutTax": "2890.27",
                "TotalTaxAm": "375.73",
                "TotalTax-includedAmount": "3266.00",
            },
        )

    # --- XML -------------------------------------------------------------------------------

    def test_official_sample(self):
        """M8.6: everything that the Ministry of Finance's sample says is read."""
        fapiao = fapiao_xml.read(read_sample())
        self.assertEqual(fapiao.number, "23440000000000100001")
        self.assertEqual(fapiao.header_number, fapiao.number)
        self.assertEqual(
            (fapiao.kind, fapiao.is_red, fapiao.date),
            ("special", False, datetime.date(2023, 2, 23)),
        )
        self.assertEqual(
            vars(fapiao.seller),
            {
                "vat": "91440000000000000X",
                "name": "示例制造集团有限公司",
                "address": "示例市示例区示例路1号（住所申报） 13800000000",
                "bank": "示例银行股份有限公司示例支行 0000000000000000000",
            },
        )
        self.assertEqual((fapiao.capitals, fapiao.drawer), ("贰圆壹角贰分", "示例"))
        self.assertEqual((fapiao.remark, fapiao.bureau_code), ("备注内容描述", "14400000000"))
        (line,) = fapiao.lines
        self.assertEqual(line.name, "*人力资源服务*劳务")
        self.assertEqual((line.quantity, line.price_unit), (2, 1))
        self.assertEqual(
            (line.amount_untaxed, line.tax_rate, line.amount_tax),
            (Decimal("2.00"), 6, Decimal("0.12")),
        )

    def test_versions(self):
        """M8.6: files of the versions in use differ in what they add, and are all read."""
        for version in ("0.2", "0.31", "0.32", "0.33"):
            raw = read_sample().replace(b"<Version>0.2<", b"<Version>%s<" % version.encode())
            if version > "0.31":
                # later ones have a day without a time, a namespace, and empty elements
                raw = raw.replace(b"2023-02-23 10:08:05", b"2023-02-23")
                raw = raw.replace(b"<EInvoice>", b'<e:EInvoice xmlns:e="urn:e">')
                raw = raw.replace(b"</EInvoice>", b"</e:EInvoice>")
                raw = raw.replace(b"<Drawer>", b"<Payee/><Drawer>")
            with self.subTest(version=version):
                fapiao = fapiao_xml.read(raw)
                self.assertEqual(fapiao.amount_total, Decimal("2.12"))
                self.assertEqual(str(fapiao.date), "2023-02-23")

    def test_xbrl(self):
        """M8.6: the same data as an XBRL instance, where we are the accounting entity."""
        names = {
            "InvoiceNumber": NUMBER,
            "SellerName": "杭州服务",
            "SellerIdNum": "91330109MA2AYBC366",
            "NameOfAccountingEntity": "制造商",
            "UnifiedSocialCreditCodeOfAccountingEntity": "91350800MA2XNB3K2H",
            "RequestTime": "2026-11-20",
            "TotalAmWithoutTax": "2890.27",
            "TotalTaxAm": "375.73",
            "TotalTax-includedAmount": "3266.00",
            "WhetherEinvoiceIsRedEinvoice": "false",
        }
        facts = "".join(f"<einv:{name}>{text}</einv:{name}>" for name, text in names.items())
        raw = (
            '<xbrli:xbrl xmlns:xbrli="http://www.xbrl.org/2003/instance" '
            f'xmlns:einv="http://xbrl.mof.gov.cn/taxonomy/2023-12-31/einv">{facts}</xbrli:xbrl>'
        )
        fapiao = fapiao_xml.read(raw.encode())
        self._assert_facts(fapiao)
        # it doesn't say whether it is a special one, and nothing is guessed
        self.assertEqual((fapiao.kind, fapiao.is_red), ("", False))

    def test_chinese_tags(self):
        """M8.6: the same data with Chinese tags, lines included."""
        line = (
            "<明细><项目名称>服务配件</项目名称><规格型号>A</规格型号><单位>件</单位><数量>1</数量>"
            "<单价>2890.27</单价><金额>2890.27</金额><税率>13%</税率><税额>375.73</税额></明细>"
        )
        facts = "".join(f"<{name}>{text}</{name}>" for name, text in FACTS.items())
        raw = f"<电子发票><发票类型>增值税专用发票</发票类型>{facts}<备注>B</备注>{line}</电子发票>"
        fapiao = fapiao_xml.read(raw.encode())
        self._assert_facts(fapiao)
        self.assertEqual((fapiao.kind, fapiao.remark), ("special", "B"))
        self.assertEqual([(x.unit, x.tax_rate) for x in fapiao.lines], [("件", 13)])

    def test_lines(self):
        """M8.6: discounts are negative lines; rates stand as 0.13, 13% or in words."""
        line = XML[XML.index(b"<IssuItem") : XML.index(b"</IssuItemInformation>") + 22]
        discount = line.replace(b"2890.27", b"-100.00").replace(b"375.73", b"-13.000000")
        words = line.replace(b"0.13", "免税".encode()).replace(b"375.73", b"***")
        percent = line.replace(b"0.13", b"9%").replace(b"375.73", b"260.1243")
        fapiao = fapiao_xml.read(XML.replace(line, line + discount + words + percent))
        self.assertEqual(
            [(x.amount_untaxed, x.tax_rate, x.amount_tax) for x in fapiao.lines],
            [
                (Decimal("2890.27"), 13, Decimal("375.73")),
                (Decimal("-100.00"), 13, Decimal("-13.00")),
                (Decimal("2890.27"), 0, 0),
                (Decimal("2890.27"), 9, Decimal("260.12")),
            ],
        )
        without_rate = fapiao_xml.read(XML.replace(b"<TaxRate>0.13</TaxRate>", b""))
        self.assertIsNone(without_rate.lines[0].tax_rate)

    def test_red(self):
        """M8.6: a red fapiao names its blue one and the form, in an element or in the remark."""
        red = (
            XML.replace(b"<LabelCode>Y<", b"<LabelCode>N<")
            .replace(b">2890.27<", b">-2890.27<")
            .replace(b">375.73<", b">-375.73<")
            .replace(b">3266.00<", b">-3266.00<")
        )
        blue, form = "26332000000000000001", "33010826111000000001"
        element = (
            f"<RedEInvoice><OriginalInvoiceCode>{blue}</OriginalInvoiceCode>"
            f"<CreditNoteNumber>{form}</CreditNoteNumber></RedEInvoice></EInvoiceData>"
        )
        remarks = [
            f"被红冲蓝字数电票号码：{blue} 红字发票信息确认单编号：{form}",
            f"被红冲蓝字数电发票号码:{blue}红字发票信息确认单编号:{form}",
        ]
        files = [red.replace(b"</EInvoiceData>", element.encode())]
        files += [red.replace(b"<Remark>", f"<Remark>{remark}".encode()) for remark in remarks]
        for raw in files:
            fapiao = fapiao_xml.read(raw)
            self.assertEqual(
                (fapiao.is_red, fapiao.blue_number, fapiao.confirmation_number),
                (True, blue, form),
            )
        legacy = "对应正数发票代码:033001900104号码:12345678"
        raw = red.replace(b"<Remark>", f"<Remark>{legacy}".encode())
        self.assertEqual(fapiao_xml.read(raw).blue_number, "033001900104-12345678")

    def test_legacy_number(self):
        """M8.6: older ones have a code of 10 or 12 digits and a number of 8."""
        for code in ("3300194130", "033001900104"):
            raw = XML.replace(
                f"<InvoiceNumber>{NUMBER}</InvoiceNumber>".encode(),
                f"<InvoiceCode>{code}</InvoiceCode>"
                "<InvoiceNumber>02345678</InvoiceNumber>".encode(),
            )
            fapiao = fapiao_xml.read(raw)
            self.assertEqual((fapiao.code, fapiao.number), (code, "02345678"))
        # a code of 12 and its number of 8 are never taken for a number of 20 digits
        self.assertEqual(fapiao_data.join_number(code, "02345678"), "033001900104-02345678")
        for bad in ("<InvoiceCode>033</InvoiceCode>", ""):
            raw = XML.replace(
                f"<InvoiceNumber>{NUMBER}</InvoiceNumber>".encode(),
                f"{bad}<InvoiceNumber>02345678</InvoiceNumber>".encode(),
            )
            self._assert_refused("legacy_number" if bad else "lacks", fapiao_xml.read, raw)

    def test_encodings(self):
        """M8.6: UTF-8 with and without mark, GBK that is declared as UTF-8 and the reverse."""
        text = XML.decode()
        gbk = text.replace('encoding="utf-8"', 'encoding="GBK"')
        for raw in (
            text.encode("utf-8-sig"),
            text.encode("gb18030"),
            gbk.encode("gb18030"),
            gbk.encode(),
            text.replace('encoding="utf-8"', 'encoding="utf-16"').encode("utf-16"),
        ):
            self._assert_facts(fapiao_xml.read(raw))
        self._assert_refused("encoding", fapiao_xml.read, b"\xff\xff\xff<EInvoice/>")
        self._assert_refused("encoding", fapiao_xml.read, b"<EInvoice>\0</EInvoice>")

    def test_ambiguous(self):
        """M8.6: where two elements of a name differ, the file is refused and nothing guessed."""
        number = f"<InvoiceNumber>{NUMBER}</InvoiceNumber>".encode()
        other = number.replace(b"5678", b"5679")
        params = self._assert_refused(
            "ambiguous", fapiao_xml.read, XML.replace(number, number + other)
        )
        self.assertEqual(params["values"], [NUMBER, NUMBER[:-1] + "9"])
        self._assert_facts(fapiao_xml.read(XML.replace(number, number * 2)))

    def test_figures(self):
        """M8.6: exact decimals only: no exponents, NaN, more than cents or endless digits."""
        for text, value in (
            ("2.12", "2.12"),
            ("-2.1", "-2.10"),
            ("¥1,234.50", "1234.50"),
            ("2.000000", "2.00"),
            (" 999999999999.99 ", "999999999999.99"),
        ):
            self.assertEqual(str(fapiao_data.parse_amount(text)), value)
        for text in ("1e3", "NaN", "Infinity", "-inf", "0x10", "1.005", "1,23", "٣", "1.", "--1"):
            self._assert_refused("amount", fapiao_data.parse_amount, text)
        self._assert_refused("amount", fapiao_data.parse_amount, "9" * 13)
        self._assert_refused("amount", fapiao_data.parse_amount, "1" * 100_000)
        for text in ("2026-13-01", "2026-02-30", "soon", "", "20261", "2026-11-200"):
            self._assert_refused("date", fapiao_data.parse_date, text)
        for text in ("20261120", "2026年11月20日", "2026/11/20 10:08:05", "2026-11-20T10:08:05"):
            self.assertEqual(fapiao_data.parse_date(text), datetime.date(2026, 11, 20))

    def test_not_a_fapiao(self):
        """M8.6: other XML is refused, and files that lack what every fapiao has."""
        for raw in (b"<html/>", b"<EInvoice/>", b"<xbrl><InvoiceNo/></xbrl>"):
            self._assert_refused("not_fapiao", fapiao_xml.read, raw)
        for name in ("IssueTime", "TotalAmWithoutTax", "TotalTax-includedAmount", "InvoiceNumber"):
            raw = XML.replace(name.encode(), b"Other")
            params = self._assert_refused("lacks", fapiao_xml.read, raw)
            self.assertEqual(params["name"], name)
        zero = XML.replace(b">3266.00<", b">0.00<")
        self._assert_refused("zero", fapiao_xml.read, zero)

    def test_hostile_xml(self):
        """M8.6: bombs, external entities and hidden declarations are refused before parsing."""
        for raw in (
            b'<!DOCTYPE x [<!ENTITY a "aaaa">]><EInvoice>&a;</EInvoice>',
            b'<!doctype x SYSTEM "file:///etc/passwd"><EInvoice/>',
            '<!DOCTYPE x [<!ENTITY a "a">]><EInvoice/>'.encode("utf-16"),
            '\ufeff<!DOCTYPE x [<!ENTITY a "a">]><EInvoice/>'.encode(),
        ):
            self._assert_refused("doctype", fapiao_xml.read, raw)
        deep = b"<EInvoice>" + b"<a>" * 10_000 + b"</a>" * 10_000 + b"</EInvoice>"
        self._assert_refused("xml", fapiao_xml.read, deep)

    # --- OFD -------------------------------------------------------------------------------

    def test_ofd_places(self):
        """M8.6: each of the three places is enough, and all of them agree."""
        for places in (
            {"attachment": XML},
            {"tags": FACTS},
            {"custom": FACTS},
            {"attachment": XML, "tags": FACTS, "custom": FACTS},
        ):
            with self.subTest(places=places.keys()):
                fapiao = fapiao_ofd.read(make_ofd(**places), LIMITS)
                self._assert_facts(fapiao)
                self.assertEqual((fapiao.source, fapiao.kind), ("ofd", "special"))
                self.assertEqual(len(fapiao.places), len(places))
                self.assertFalse(fapiao.differences)
                if "custom" not in places or len(places) > 1:
                    (line,) = fapiao.lines
                    self.assertEqual((line.tax_rate, line.amount_tax), (13, Decimal("375.73")))
        ordinary = fapiao_ofd.read(make_ofd(custom=FACTS, title="普通发票"), LIMITS)
        self.assertEqual(ordinary.kind, "ordinary")

    def test_ofd_places_disagree(self):
        """M8.6: an amount changed on the page only is told, with both figures."""
        forged = {**FACTS, "价税合计": "¥3366.00"}
        fapiao = fapiao_ofd.read(make_ofd(attachment=XML, tags=forged, custom=FACTS), LIMITS)
        self.assertEqual(
            fapiao.differences,
            [("TotalTax-includedAmount (CustomTags)", "3266.00", "3366.00")],
        )
        self.assertEqual(fapiao.amount_total, 3266)

    def test_ofd_hostile(self):
        """M8.6: no part of an OFD may declare entities; it isn't larger than it says."""
        bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
        for place in ("Doc_0/PublicRes.xml", "Doc_0/Attachs/x.XML"):
            raw = make_ofd(custom=FACTS, extra={place: bomb})
            self._assert_refused("doctype", fapiao_ofd.read, raw, LIMITS)
        raw = make_ofd(custom=FACTS, extra={"a.xml": b" " * 2_000_000})
        self._assert_refused("archive_ratio", fapiao_ofd.read, raw, LIMITS)
        self._assert_refused("ofd_without_data", fapiao_ofd.read, make_ofd(), LIMITS)
        self._assert_refused("ofd", fapiao_ofd.read, make_zip({"OFD.xml": b"<x/>"}), LIMITS)
        self._assert_refused("archive", fapiao_ofd.read, make_ofd(custom=FACTS)[:-40], LIMITS)

    def test_ofd_without_library(self):
        """M8.6: a server without ofdkit says so."""
        with patch.object(fapiao_ofd, "ofdkit", None):
            self._assert_refused("ofdkit", fapiao_ofd.read, make_ofd(custom=FACTS), LIMITS)

    # --- archives --------------------------------------------------------------------------

    def test_archive_limits(self):
        """M8.6: limits hold for what the directory claims and for what comes out."""

        def limits(**vals):
            return fapiao_archive.Limits(
                **{"file_bytes": 1000, "total_bytes": 2000, "files": 3, **vals}
            )

        raw = make_zip({f"{i}.xml": random.Random(i).randbytes(900) for i in range(2)})
        archive = fapiao_archive.Archive(raw, limits())
        self.assertEqual([len(archive.inflate(i)) for i in range(2)], [900, 900])
        for vals, code in (
            ({"files": 1}, "archive_files"),
            ({"total_bytes": 1700}, "archive_size"),
        ):
            self._assert_refused(code, fapiao_archive.Archive, raw, limits(**vals))
        archive = fapiao_archive.Archive(raw, limits(file_bytes=800))
        self._assert_refused("size", archive.inflate, 0)
        # the directory says 10 bytes, and 900 come out
        lying = bytearray(raw)
        for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
            at = lying.index(signature) + offset
            lying[at : at + 4] = (10).to_bytes(4, "little")
        archive = fapiao_archive.Archive(bytes(lying), limits())
        self._assert_refused("archive", archive.inflate, 0)

    def test_archive_bomb(self):
        """M8.6: a zip that unpacks to a thousand times its size is refused unread."""
        raw = make_zip({"bomb.xml": b"\0" * 5_000_000})
        self._assert_refused("archive_ratio", fapiao_archive.Archive, raw, LIMITS)

    def test_archive_of_a_million_names(self):
        """M8.6: a directory of more files than are taken in is refused before it is read."""
        raw = make_zip({f"{i}.xml": b"" for i in range(3000)})
        limits = fapiao_archive.Limits(file_bytes=10**6, total_bytes=10**7, files=20)
        with patch.object(fapiao_archive.zipfile, "ZipFile", side_effect=AssertionError):
            self._assert_refused("archive_files", fapiao_archive.Archive, raw, limits)
            # and so is a file that is itself larger than all that is taken in
            limits = fapiao_archive.Limits(file_bytes=10, total_bytes=len(raw) // 2, files=20)
            self._assert_refused("archive_size", fapiao_archive.Archive, raw, limits)

    def test_endless_capitals(self):
        """M8.6: capitals longer than any amount are none, however they nest."""
        self.assertIsNone(fapiao_capitals.parse_capitals("壹" + "万" * 3000 + "圆整"))

    def test_archive_names(self):
        """M8.6: names in GBK are read; names that climb out of folders lead nowhere."""
        raw = make_zip(
            {"发票/一月.xml".encode("gbk"): b"1", "../../etc/passwd": b"2", "C:\\x": b"3"}
        )
        archive = fapiao_archive.Archive(raw, LIMITS)
        self.assertEqual(
            [fapiao_archive.get_base_name(name) for name in archive.names],
            ["一月.xml", "passwd", "x"],
        )

    def test_archive_encrypted(self):
        """M8.6: a member with a password is refused with that reason."""
        raw = bytearray(make_zip({"a.xml": b"1"}))
        for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
            raw[raw.index(signature) + offset] |= 1
        archive = fapiao_archive.Archive(bytes(raw), LIMITS)
        self._assert_refused("archive_encrypted", archive.inflate, 0)

    # --- capitals --------------------------------------------------------------------------

    def test_capitals(self):
        """M8.6: figures worked out by hand, and the spellings that issuers use."""
        for amount, text in (
            ("2.12", "贰圆壹角贰分"),
            ("3266.00", "叁仟贰佰陆拾陆圆整"),
            ("0.05", "伍分"),
            ("10", "壹拾圆整"),
            ("1010.05", "壹仟零壹拾圆零伍分"),
            ("100500.50", "壹拾万零伍佰圆伍角整"),
            ("100000001.00", "壹亿零壹圆整"),
            ("-500", "（负数）伍佰圆整"),
        ):
            self.assertEqual(fapiao_capitals.to_capitals(amount), text)
            self.assertEqual(fapiao_capitals.parse_capitals(text), Decimal(amount))
        for text, amount in (
            ("人民币拾贰元正", "12"),
            ("贰佰元零壹角整", "200.10"),
            ("负伍佰圓整", "-500"),
        ):
            self.assertEqual(fapiao_capitals.parse_capitals(text), Decimal(amount))
        for text in ("", "圆整x", "贰圆壹角贰", "壹壹圆", "万圆", "一百圆"):
            self.assertIsNone(fapiao_capitals.parse_capitals(text), text)

    @settings(max_examples=500, deadline=None, database=None)
    @given(cents=st.integers(-(10**14) + 1, 10**14 - 1))
    def test_capitals_read_back(self, cents):
        """M8.6: every amount to the cent reads back from its capitals."""
        amount = Decimal(cents) / 100
        text = fapiao_capitals.to_capitals(amount)
        self.assertEqual(fapiao_capitals.parse_capitals(text), amount)

    @settings(max_examples=300, deadline=None, database=None)
    @given(text=st.text(alphabet="零壹贰拾佰仟万亿圆角分整负（数）x", max_size=20))
    def test_capitals_of_nonsense(self, text):
        """M8.6: nonsense gives no amount, and no fault."""
        fapiao_capitals.parse_capitals(text)

    def _read(self, raw):
        """Read the file, or refuse it; any other fault fails."""
        with contextlib.suppress(FapiaoError):
            if fapiao_archive.is_zip(raw):
                fapiao_ofd.read(raw, LIMITS)
            else:
                fapiao_xml.read(raw)

    # --- any damage ------------------------------------------------------------------------

    @settings(
        max_examples=400,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def test_damaged_files(self, data):
        """M8.6: whatever is cut, changed or put in, a file is read or refused: no other fault."""
        ofd = make_ofd(attachment=XML, tags=FACTS, custom=FACTS)
        raw = bytearray(data.draw(st.sampled_from([XML, read_sample(), ofd])))
        for _change in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, max(len(raw) - 1, 0)))
            kind = data.draw(st.sampled_from(["cut", "change", "put", "double"]))
            if kind == "cut":
                del raw[at : at + data.draw(st.integers(1, len(raw) or 1))]
            elif kind == "change":
                raw[at : at + 1] = data.draw(st.binary(min_size=1, max_size=3))
            elif kind == "put":
                raw[at:at] = data.draw(
                    st.sampled_from([b"<", b"&a;", b"<!DOCTYPE x>", b"1e9", b"\0", b"]]>", b"-"])
                )
            else:
                raw[at:at] = raw[at : at + 200]
        self._read(bytes(raw))

    @settings(max_examples=100, deadline=None, database=None)
    @given(content=st.binary(max_size=300))
    def test_any_bytes(self, content):
        """M8.6: neither do bytes of any kind, in a zip or not."""
        for raw in (content, b"PK\x03\x04" + content, make_zip({"OFD.xml": content})):
            self._read(raw)
