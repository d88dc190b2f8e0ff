# SPDX-License-Identifier: BSD-2-Clause
"""The zones of the openspf test suite: what spf_daemon.py and spf_suite.py have in common."""


def records(entries, text):
    """(type, data) of one name, with SPF standing as TXT unless the name has TXT. TEXT writes the strings of a TXT record."""
    pairs = [next(iter(e.items())) for e in entries if isinstance(e, dict)]
    has_txt = any(t == "TXT" for t, _ in pairs)
    for type_, data in pairs:
        if type_ == "SPF":
            if not has_txt:
                yield "TXT", text(data)
        elif type_ == "TXT":
            if data != "NONE":
                yield "TXT", text(data)
        elif type_ == "MX":
            yield "MX", "%d %s" % (data[0], data[1] or ".")
        else:
            yield type_, str(data)
