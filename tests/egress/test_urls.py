"""The parser: one spelling passes, and what passes means the same to every other parser."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx2
import pytest
import yarl
from hypothesis import given
from hypothesis import strategies as st

from videovector_adapters.egress_urls import Url, parse
from videovector_core.errors import Invalid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.org", Url("https", "example.org", 443, "/")),
        ("HTTPS://Example.ORG/A?b=%2F", Url("https", "example.org", 443, "/A?b=%2F")),
        ("https://example.org?x=1", Url("https", "example.org", 443, "/?x=1")),
        ("https://example.org:8443/a/../b", Url("https", "example.org", 8443, "/a/../b")),
        ("https://xn--bcher-kva.example/", Url("https", "xn--bcher-kva.example", 443, "/")),
        ("https://93.184.216.34/", Url("https", "93.184.216.34", 443, "/")),
        ("https://[2606:2800:220:1::1]:443/", Url("https", "2606:2800:220:1::1", 443, "/")),
        ("http://my_service:9000/minio", Url("http", "my_service", 9000, "/minio")),
        ("https://user.example/@handle", Url("https", "user.example", 443, "/@handle")),
    ],
)
def test_plain_urls_pass(text: str, expected: Url) -> None:
    """A URL in the usual spelling is read as it stands."""
    assert parse(text) == expected


REFUSED = [
    # schemes, and things that are no URL
    "", " ", "https:", "https://", "https:///path", "https:example.org", "//example.org/", "example.org", "/etc/passwd",
    "file:///proc/self/environ", "gs://other-tenant/a.mp4", "s3://bucket/key", "ftp://example.org/", "gopher://x:70/_x",
    "concat:a|b", "subfile:,,start,0,end,0,,:a", "data:text/plain,x", "javascript:alert(1)", "unix:///run/x.sock",
    "http+unix://%2Frun/x", "jar:https://x!/", "dict://x:11211/", "ldap://x", "tftp://x", "netdoc:///x", "hTTpz://x/",
    # who comes before the host
    "https://user@example.org/", "https://user:pw@example.org/", "https://@example.org/", "https://:@example.org/",
    "https://example.org@127.0.0.1/", "https://example.org%40127.0.0.1/", "https://a:b@127.0.0.1:80@example.org/",
    # fragments, backslashes, white space, control characters
    "https://example.org/#x", "https://example.org#@127.0.0.1/", "https://127.0.0.1#.example.org/", "https://example.org#",
    "https://example.org\\@127.0.0.1/", "https:\\\\example.org/", "https:/\\example.org/", "https://example.org\\.evil/",
    " https://example.org/", "https://example.org/ ", "https://exam ple.org/", "https://example.org/a b",
    "https://example.org/\r\nHost: x", "https://example.org/\n", "https://exa\tmple.org/", "https://example.org/\x00",
    "https://example.org\x00.evil/", "https://example.org/%0", "https://example.org/%zz", "https://example.org/%",
    # IPv4 in every other spelling
    "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://127.1/",
    "https://127.0.1/", "https://0/", "https://00000000177.0.0.1/", "https://017700000001/", "https://127.0.0.1./",
    "https://127.000.000.001/", "https://0x7f.1/", "https://127.0.0.0x1/", "https://256.256.256.256/", "https://1.2.3.4.5/",
    "https://127.0.0.1%2f/", "https://%31%32%37.0.0.1/", "https://127.0.0.1%00/", "https://0X7F.0.0.1/", "https://127.0.0.0x/",
    "https://4294967296/", "https://127..0.0.1/", "https://.127.0.0.1/", "https://-127.0.0.1/", "https://example.1/",
    # IPv6
    "https://[::1/", "https://::1/", "https://[::1]x/", "https://[::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[::1]:/",
    "https://[1::2::3]/", "https://[]/", "https://[127.0.0.1]/", "https://[::ffff:0x7f.1]/", "https://[v1.x]/", "https://[::g]/",
    # names
    "https://example.org./", "https://.example.org/", "https://exa..mple/", "https://-example.org/", "https://example-.org/",
    "https://" + "a" * 64 + ".org/", "https://" + "a." * 127 + "org/", "https://example.org,127.0.0.1/", "https://*.example.org/",
    "https://exämple.org/", "https://\N{FULLWIDTH DIGIT ONE}27.0.0.1/", "https://127\N{IDEOGRAPHIC FULL STOP}0.0.1/",
    "https://\N{CIRCLED LATIN SMALL LETTER L}ocalhost/", "https://loc\N{SOFT HYPHEN}alhost/", "https://1\N{ZERO WIDTH SPACE}27.0.0.1/",
    "https://example.org\N{FULLWIDTH SOLIDUS}@x/", "https://\N{LATIN SMALL LETTER LONG S}3.example/", "https://example.org/\N{SNOWMAN}",
    "http\N{LATIN SMALL LETTER LONG S}://example.org/", "https://\N{KELVIN SIGN}example.org/",
    # ports
    "https://example.org:/", "https://example.org:0/", "https://example.org:22/", "https://example.org:25/", "https://example.org:081/",
    "https://example.org:65536/", "https://example.org:99999999/", "https://example.org:-1/", "https://example.org:6379/",
    "https://example.org:443:443/", "https://example.org: 443/", "https://example.org:\N{ARABIC-INDIC DIGIT FOUR}43/",
    # size
    "https://example.org/" + "a" * 8192,
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_everything_else_is_refused(text: str) -> None:
    """Any other spelling is refused with one code, and the message does not repeat the URL."""
    with pytest.raises(Invalid) as caught:
        parse(text)
    assert caught.value.code == "validation_url_not_allowed"
    assert len(caught.value.message) < 160
    assert "127.0.0.1" not in caught.value.message


WORDS = r"https:// http:// // / \ @ : # ? %40 %2e . .. [ ] ::1 127.0.0.1 0x7f 443 80 example.org localhost a xn-- - _ , ; & ="
PIECES = st.sampled_from(WORDS.split(" ")) | st.sampled_from(
    " \t\n\0\N{LATIN SMALL LETTER E WITH ACUTE}\N{IDEOGRAPHIC FULL STOP}\N{FULLWIDTH DIGIT ONE}\N{LATIN SMALL LETTER LONG S}\N{KELVIN SIGN}"
)


@given(st.lists(PIECES, max_size=9).map("".join) | st.lists(PIECES, max_size=7).map(lambda p: "https://a" + "".join(p)))
def test_what_passes_means_the_same_to_other_parsers(text: str) -> None:
    """Three other parsers find the same host and port in everything that passes."""
    try:
        url = parse(text)
    except Invalid:
        return
    split, modern, other = urlsplit(text), httpx2.URL(text), yarl.URL(text, encoded=True)
    hosts = {url.host, split.hostname, modern.raw_host.decode().strip("[]"), other.raw_host}
    ports = {url.port, split.port or url.port, modern.port or url.port, other.port}
    assert hosts == {url.host}
    assert ports == {url.port}
    assert {split.username, modern.userinfo, other.user} <= {None, b"", ""}
    assert parse(f"{url.scheme}://{url.authority}{url.target}") == url


def test_a_url_shows_no_path_in_its_repr() -> None:
    """Paths and queries carry tokens, so the repr leaves them out."""
    assert "token" not in repr(parse("https://example.org/token?token=token"))
