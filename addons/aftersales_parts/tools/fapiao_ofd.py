"""Reading a fapiao in OFD, the Chinese standard of fixed-layout documents.

The data stand in up to three places: an attached XML, custom tags that point at texts on the
page, and custom data of the document. They can disagree, by a fault or by fraud, so that each is
read by itself and all are compared. ``ofdkit`` resolves what the page shows.
"""

from . import fapiao_archive, fapiao_data, fapiao_xml
from .fapiao_data import FapiaoError

try:
    import ofdkit
except ImportError:  # optional: without it, OFD files are refused with a sentence that says so
    ofdkit = None

# in order of trust: the first that gives a value is believed, the others are compared
ATTACHMENT, TAGS, CUSTOM = "original_invoice.xml", "CustomTags", "CustomData"
_REFERENCE = "objectref"


def read(raw, limits):
    """Return the `Fapiao` that the OFD file holds, with the places where they disagree.

    :param bytes raw: the file
    :raises FapiaoError: it isn't one, not a safe file, or ofdkit isn't installed
    """
    if ofdkit is None:
        raise FapiaoError("ofdkit")
    archive = fapiao_archive.Archive(raw, limits)
    trees = _parse_parts(archive)
    try:
        with ofdkit.open(raw) as document:
            found = _read_places(document, trees)
            title = _get_title(document)
    except FapiaoError:
        raise
    except Exception as error:  # pylint: disable=broad-except
        # whatever a damaged or hostile file makes the library stumble over, it is the file's fault
        raise FapiaoError("ofd") from error
    if not found:
        raise FapiaoError("ofd_without_data")
    fapiao = _merge(found)
    if not fapiao.kind and "发票" in title:
        fapiao.kind = "special" if "专用" in title else "ordinary" if "普通" in title else ""
    fapiao.source = "ofd"
    return fapiao_data.complete(fapiao)


def _parse_parts(archive):
    """Return the trees of all XML parts, each checked to declare nothing that could harm.

    The library's own parser expands entities, so that no part may declare any.
    """
    trees = []
    for index, name in enumerate(archive.names):
        if not name.lower().endswith(".xml"):
            continue
        raw = archive.inflate(index)
        try:
            trees.append(fapiao_xml.parse(raw))
        except FapiaoError as error:
            # a part that isn't well-formed may be one that nobody reads; producers are careless
            if error.code != "xml":
                raise
    return trees


def _read_places(document, trees):
    """Return a list of (place, `Fapiao`) in order of trust."""
    found = {ATTACHMENT: [], TAGS: [], CUSTOM: []}
    for tree in trees:
        references = [e for e in tree.iter() if fapiao_xml.local_name(e) == _REFERENCE]
        if references:
            _resolve(document, references)
            found[TAGS].append(fapiao_xml.read_tree(tree, any_root=True))
        else:
            found[ATTACHMENT].append(fapiao_xml.read_tree(tree))
    found[CUSTOM].append(fapiao_xml.read_values(document.info.custom_data))
    return [(place, fapiao) for place, all_of in found.items() for fapiao in all_of if fapiao]


def _resolve(document, references):
    """Write into each element with references the texts of the page that they point at."""
    for reference in references:
        page_id, object_id = reference.get("PageRef"), (reference.text or "").strip()
        page = document.page_by_id(page_id) if page_id else None
        text = ""
        for candidate in [page] if page else document.pages:
            text = candidate.object_text(object_id) or ""
            if text:
                break
        parent = reference.getparent()
        if parent is not None:
            parent.text = (parent.text or "").strip() + text
            parent.remove(reference)


def _get_title(document):
    invoice = document.invoice()
    return (invoice and invoice.invoice_type) or ""


def _merge(found):
    """Return the first `Fapiao`, completed by the others, with what they disagree on."""
    (_place, merged), *others = found
    merged.places = [place for place, _fapiao in found]
    for place, fapiao in others:
        facts, known = fapiao.get_facts(), merged.get_facts()
        for name in known.keys() & facts.keys():
            if known[name] != facts[name]:
                merged.differences.append((f"{name} ({place})", known[name], facts[name]))
        _fill(merged, fapiao)
    merged.differences.sort()
    return merged


def _fill(target, source):
    """Fill what ``target`` lacks from ``source``."""
    for name, value in vars(source).items():
        own = getattr(target, name)
        if name in ("seller", "buyer"):
            _fill(own, value)
        elif name not in ("places", "differences") and own in (None, "", []):
            setattr(target, name, value)
