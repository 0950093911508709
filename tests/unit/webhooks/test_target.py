"""Where we may call, and where never."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.errors import InvalidRequest
from casement.webhooks.target import Target, check_target, is_public, resolve, target_of

NOT_PUBLIC = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - never bound to
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.88.99.1",
    "::",
    "::1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::10.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:a00:1::",
    "2002:808:808::",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "5f00::1",
    "nonsense",
]
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "2a00:1450::1",
    "2001:4860::8888",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_these_addresses_are_never_called(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_these_are(address):
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://bot.example", Target("https", "bot.example", 443, "/")),
        ("https://bot.example:8443/a/b?c=%20d", Target("https", "bot.example", 8443, "/a/b?c=%20d")),
        ("https://bücher.example/x", Target("https", "xn--bcher-kva.example", 443, "/x")),
        ("https://BOT.example/", Target("https", "bot.example", 443, "/")),
        ("https://[2606:4700::1111]/x", Target("https", "2606:4700::1111", 443, "/x")),
    ],
)
def test_a_url_is_taken_apart_as_it_will_be_called(url, target):
    assert target_of(url) == target


def test_the_host_header_names_the_port_where_it_is_not_the_usual_one():
    urls = ("https://bot.example/", "https://bot.example:8443/", "https://[2606:4700::1111]:444/")
    assert [target_of(url).authority for url in urls] == ["bot.example", "bot.example:8443", "[2606:4700::1111]:444"]


@pytest.mark.parametrize(
    "url",
    [
        "http://bot.example/",
        "ftp://bot.example/",
        "//bot.example/",
        "bot.example",
        "https://",
        "https:///path",
        "https://user@bot.example/",
        "https://user:password@bot.example/",
        "https://@bot.example/",
        "https://bot.example/#part",
        "https://bot.example:0/",
        "https://bot.example:99999/",
        "https://bot.example:x/",
        "https://[::1/",
        "https://bot.example/a b",
        "https://bot.example/é",
        "https://bot.example/\r\nx-injected: 1",
        "https://bot..example/",
        f"https://{'a' * 64}.example/",
    ],
)
def test_what_is_no_address_for_us_is_refused(url):
    with pytest.raises(InvalidRequest) as refused:
        check_target(url, lambda *_: ["8.8.8.8"])
    assert refused.value.parameter == "url"


def test_a_name_is_judged_by_all_its_addresses():
    check_target("https://bot.example/", lambda *_: ["8.8.8.8", "2606:4700::1111"])
    for addresses in (["8.8.8.8", "10.0.0.1"], ["169.254.169.254"], []):
        with pytest.raises(InvalidRequest):
            check_target("https://bot.example/", lambda *_, found=addresses: found)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "017700000001", "127.1", "[::1]"])
def test_no_way_of_writing_it_leads_to_this_machine(host):
    with pytest.raises(InvalidRequest):
        check_target(f"https://{host}/", resolve)


def test_in_the_local_stack_it_may():
    check_target("http://127.0.0.1:8000/events", resolve, allow_private=True)


@given(st.text() | st.builds("https://{}".format, st.text()))
def test_whatever_it_is_it_is_taken_or_refused(url):
    try:
        target_of(url)
    except InvalidRequest as refused:
        assert refused.parameter == "url"


@given(st.text() | st.ip_addresses().map(str))
def test_whatever_an_address_is_it_is_judged(address):
    assert is_public(address) in (True, False)
