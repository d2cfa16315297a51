"""Files of fapiao, made as the tax system makes them, for tests."""

import io
import zipfile

from odoo.tools import file_open

NUMBER = "26332000000012345678"
FACTS = {
    "发票号码": NUMBER,
    "开票日期": "2026年11月20日",
    "合计金额": "2890.27",
    "合计税额": "375.73",
    "价税合计": "¥3266.00",
    "销售方名称": "杭州服务",
    "销售方纳税人识别号": "91330109MA2AYBC366",
    "购买方名称": "制造商",
    "购买方纳税人识别号": "91350800MA2XNB3K2H",
}
TAGS = {
    "发票号码": "InvoiceNo",
    "开票日期": "IssueDate",
    "合计金额": "TaxExclusiveTotalAmount",
    "合计税额": "TaxTotalAmount",
    "价税合计": "TaxInclusiveTotalAmount",
    "销售方名称": "SellerName",
    "销售方纳税人识别号": "SellerTaxID",
    "购买方名称": "BuyerName",
    "购买方纳税人识别号": "BuyerTaxID",
}
LINE = {
    "Item": "*工程机械配件*服务配件",
    "Amount": "2890.27",
    "TaxScheme": "13%",
    "TaxAmount": "375.73",
}
_OFD = 'xmlns:ofd="http://www.ofdspec.org/2016"'


def read_sample():
    """Return the bytes of the public sample of the Ministry of Finance."""
    with file_open("aftersales_parts/tests/data/official-special.xml", "rb") as file:
        return file.read()


class _GbkInfo(zipfile.ZipInfo):
    """A name stored as an old Chinese tool does: its bytes, without saying in which encoding."""

    def _encodeFilenameFlags(self):
        return self.filename.encode("cp437"), self.flag_bits


def make_zip(members):
    """Return a zip of {name: bytes}; a name given as bytes is stored as it is (GBK)."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if isinstance(name, bytes):
                info = _GbkInfo(name.decode("cp437"))
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, content)
            else:
                archive.writestr(name, content)
    return stream.getvalue()


def make_ofd(tags=None, custom=None, attachment=None, title="增值税专用发票", extra=None):
    """Return an OFD file with data in up to three places.

    :param dict tags: what the page shows and custom tags point at, as `FACTS`
    :param dict custom: custom data of the document, as `FACTS`
    :param bytes attachment: the XML attached
    :param dict extra: further members of the zip
    """
    objects, references = [], []

    def show(text):
        objects.append(
            f'<ofd:TextObject ID="{len(objects) + 10}" Boundary="10 {len(objects) * 8} 100 6" '
            f'Size="3"><ofd:TextCode X="0" Y="3">{text}</ofd:TextCode></ofd:TextObject>'
        )
        return f'<ofd:ObjectRef PageRef="1">{len(objects) + 9}</ofd:ObjectRef>'

    show(f"电子发票（{title}）")
    if tags:
        pairs = [(TAGS[name], text) for name, text in tags.items()] + list(LINE.items())
        references = [f"<ofd:{tag}>{show(text)}</ofd:{tag}>" for tag, text in pairs]
    members = {
        "OFD.xml": f'<ofd:OFD {_OFD} Version="1.1" DocType="OFD"><ofd:DocBody><ofd:DocInfo>'
        "<ofd:CustomDatas>"
        + "".join(
            f'<ofd:CustomData Name="{name}">{text}</ofd:CustomData>'
            for name, text in (custom or {}).items()
        )
        + "</ofd:CustomDatas></ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>"
        "</ofd:DocBody></ofd:OFD>",
        "Doc_0/Document.xml": f"<ofd:Document {_OFD}><ofd:CommonData><ofd:PageArea>"
        "<ofd:PhysicalBox>0 0 210 140</ofd:PhysicalBox></ofd:PageArea></ofd:CommonData>"
        '<ofd:Pages><ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages>'
        "<ofd:CustomTags>Tags/CustomTags.xml</ofd:CustomTags></ofd:Document>",
        "Doc_0/Pages/Page_0/Content.xml": f'<ofd:Page {_OFD}><ofd:Content><ofd:Layer ID="2">'
        + "".join(objects)
        + "</ofd:Layer></ofd:Content></ofd:Page>",
        "Doc_0/Tags/CustomTags.xml": f"<ofd:CustomTags {_OFD}><ofd:CustomTag>"
        "<ofd:FileLoc>CustomTag.xml</ofd:FileLoc></ofd:CustomTag></ofd:CustomTags>",
    }
    if references:
        root = f"<ofd:root {_OFD}>{''.join(references)}</ofd:root>"
        members["Doc_0/Tags/CustomTag.xml"] = root
    if attachment:
        members["Doc_0/Attachs/original_invoice.xml"] = attachment
    return make_zip({**members, **(extra or {})})
