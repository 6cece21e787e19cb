"""Which addresses a provider may have when nobody said that it lives on the private network.

A base URL is configuration, and configuration can be wrong or forged: `http://169.254.169.254/` is the cloud's
metadata service, and a public name may resolve to 127.0.0.1 today though it did not yesterday. So the rule looks at
the address that is about to be connected to, never at the name, and it lets through only what is known to be global:
an address range that nobody thought of is refused.
"""

import ipaddress
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# RFC 6052: the last 32 bits of these are an IPv4 address that a NAT64 gateway will connect to.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# RFC 4291 section 2.4: the only part of IPv6 from which global unicast addresses are given out so far.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# RFC 3056: 32 bits of IPv4 follow the prefix, and packets go there.
_6TO4 = ipaddress.IPv6Network("2002::/16")
# Not global by the IANA registries, whatever the running version of Python knows of them.
_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # RFC 6598, carrier-grade NAT
        "192.0.0.0/24",  # RFC 6890, protocol assignments
        "192.88.99.0/24",  # RFC 7526, the withdrawn 6to4 relays
        "240.0.0.0/4",  # RFC 1112, reserved
        "2001::/23",  # RFC 2928, protocol assignments, Teredo among them
        "2001:db8::/32",  # RFC 3849, documentation
        "3fff::/20",  # RFC 9637, documentation
    )
)


@lru_cache(maxsize=4096)
def is_global(text: str) -> bool:
    """Whether this IP address (a scope such as `%eth0` is allowed) lies on the public Internet.

    IPv4 addresses inside IPv6 ones (mapped, NAT64, 6to4) are judged by what they stand for. Text that is no address
    is not global.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    embedded = _embedded(address)
    if embedded is not None:
        return is_global(str(embedded))
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    if not address.is_global or address.is_multicast or address.is_unspecified:
        return False
    return not any(address.version == network.version and address in network for network in _NEVER)


def literal(host: str) -> str | None:
    """The IP address that a URL's host is written as, or `None` when it is a name."""
    try:
        return str(ipaddress.ip_address(host.strip("[]").partition("%")[0]))
    except ValueError:
        return None


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _6TO4:
        return address.sixtofour
    return None
