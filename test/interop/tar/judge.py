"""Python's tarfile as a judge: `list` says what is in a tar, `make` writes tars that are hard to read."""

import base64
import hashlib
import io
import json
import sys
import tarfile
from decimal import ROUND_FLOOR, Decimal

TYPES = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "file",
    tarfile.GNUTYPE_SPARSE: "file",
    tarfile.LNKTYPE: "hardlink",
    tarfile.SYMTYPE: "symlink",
    tarfile.CHRTYPE: "char",
    tarfile.BLKTYPE: "block",
    tarfile.DIRTYPE: "directory",
    tarfile.FIFOTYPE: "fifo",
}
BINARY = bytes([1, 0, 0, 2, 10, 0x3D, 0xFF, 0x80])


def raw(text):
    return text.encode("utf-8", "surrogateescape")


def encoded(data):
    return base64.b64encode(data).decode()


def row(tar, member):
    time = Decimal(member.pax_headers.get("mtime", str(member.mtime)))
    seconds = int(time.to_integral_value(rounding=ROUND_FLOOR))
    kind = TYPES.get(member.type, "other")
    body = tar.extractfile(member).read() if kind == "file" else b""
    device = kind in ("char", "block")
    prefix = "SCHILY.xattr."
    return {
        "path": encoded(raw(member.name)),
        "type": kind,
        "mode": member.mode & 0o7777,
        "uid": member.uid,
        "gid": member.gid,
        "uname": encoded(raw(member.uname)),
        "gname": encoded(raw(member.gname)),
        "size": len(body),
        "seconds": seconds,
        "nanoseconds": int((time - seconds) * 10**9),
        "linkname": encoded(raw(member.linkname)) if kind in ("symlink", "hardlink") else "",
        "dev": [member.devmajor, member.devminor] if device else [0, 0],
        "xattrs": {k[len(prefix) :]: encoded(raw(v)) for k, v in member.pax_headers.items() if k.startswith(prefix)},
        "sha256": hashlib.sha256(body).hexdigest(),
    }


def entry(name, **fields):
    info = tarfile.TarInfo(name)
    info.mtime = 1_700_000_000
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def entries(form):
    """What a format can hold; names and values that aren't UTF-8 come in by surrogates, as Python has them."""
    odd = b"caf\xe9-\xff".decode("utf-8", "surrogateescape")
    yield entry("dir", type=tarfile.DIRTYPE, mode=0o1777), b""
    yield entry("dir/file", mode=0o4755, uid=1000, gid=100, uname="user", gname="users"), b"hello" * 300
    yield entry("dir/old", type=tarfile.AREGTYPE), b"v7"
    yield entry("dir/cont", type=tarfile.CONTTYPE), b"contiguous"
    yield entry("dir/" + odd), b"odd"
    yield entry("dir/hard", type=tarfile.LNKTYPE, linkname="dir/file", size=1500), b""
    yield entry("dir/sym", type=tarfile.SYMTYPE, linkname=odd, mode=0o777), b""
    yield entry("dir/char", type=tarfile.CHRTYPE, devmajor=1, devminor=3), b""
    yield entry("dir/block", type=tarfile.BLKTYPE, devmajor=4095, devminor=1_048_575), b""
    yield entry("dir/fifo", type=tarfile.FIFOTYPE), b""
    yield entry("p" * 120 + "/" + "n" * 90), b"prefix"
    yield entry("empty", mtime=0), b""
    if form == tarfile.USTAR_FORMAT:
        return
    yield entry("l" * 400 + "/" + "ü" * 60), b"long"
    yield entry("longlink", type=tarfile.SYMTYPE, linkname="t/" * 200), b""
    yield entry("ids", uid=4_000_000, gid=2**40), b""
    yield entry("before", mtime=-1), b""
    yield entry("long-before", mtime=-62_135_596_800), b""
    yield entry("far", mtime=8**11 + 5), b""
    if form == tarfile.GNU_FORMAT:
        return
    yield entry("owner", uname="ü" * 40, gname=odd), b""
    for time in (1.5, -0.25, -157_766_400.125):
        yield entry(f"time{time}", mtime=time), b""
    for time in ("1795471447.104177801", "-2.000000001", "2208988800.123456789"):
        yield entry(f"time{time}", pax_headers={"mtime": time}), b""
    value = BINARY.decode("utf-8", "surrogateescape")
    xattrs = {"SCHILY.xattr.security.capability": value, "SCHILY.xattr.user.ä": "text", "VENDOR.key": "kept"}
    yield entry("xattrs", pax_headers=xattrs), b"x"


def make(path, name):
    form = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}[name]
    globals_ = {"comment": "of all", "uname": "from-global"} if name == "pax" else None
    with tarfile.open(path, "w", format=form, pax_headers=globals_) as tar:
        for info, body in entries(form):
            if info.isreg():
                info.size = len(body)
            tar.addfile(info, io.BytesIO(body) if info.isreg() else None)


if sys.argv[1] == "list":
    with tarfile.open(sys.argv[2], errors="surrogateescape") as tar:
        print(json.dumps([row(tar, member) for member in tar]))
else:
    make(sys.argv[2], sys.argv[3])
