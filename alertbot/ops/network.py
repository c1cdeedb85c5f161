"""How calls leave this machine: by which proxy, and whose certificates count. One rule for every call there is.

The environment's ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``ALL_PROXY`` name a proxy, ``NO_PROXY`` the hosts it is not for,
in small letters or capital ones, as for curl. This machine itself is never asked for through one. Certificates count
where the system's store of authorities says so, to which a company may have added its own.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

_SCHEMES = {"ws": "http", "wss": "https"}
_VARIABLES = ("https", "http", "all")


def proxy_for(url: str) -> str | None:
    """The proxy through which a URL is asked for, with its user and password if it has any; ``None`` for none."""
    parts, proxies = urlsplit(url), getproxies_environment()
    host = parts.hostname or ""
    named = proxies.get(_SCHEMES.get(parts.scheme, parts.scheme)) or proxies.get("all")
    if not named or _is_here(host) or proxy_bypass(host, proxies):
        return None
    named = _with_scheme(named)
    return named if _is_usable(named) else None


def shown(proxy: str) -> str:
    """A proxy for people to read: without its user and password."""
    parts = _split(_with_scheme(proxy))
    if parts is None:
        return "an address that is none"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def proxies_named() -> Iterator[tuple[str, str, bool]]:
    """Each variable of the environment that names a proxy, the proxy, and whether it can be used."""
    proxies = getproxies_environment()
    for scheme in _VARIABLES:
        if named := proxies.get(scheme):
            yield f"{scheme.upper()}_PROXY", _with_scheme(named), _is_usable(_with_scheme(named))


def proxy_secrets() -> tuple[str, ...]:
    """The passwords of the environment's proxies, as they are and as a URL holds them."""
    passwords = {parts.password for _, proxy, _ in proxies_named() if (parts := _split(proxy)) and parts.password}
    return tuple({form for password in passwords for form in (password, unquote(password))})


def trust() -> ssl.SSLContext:
    """The certificates that count: those of the system's store, or of ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``."""
    return ssl.create_default_context()


def trust_found() -> bool:
    """Whether the system has a store of authorities at all; without one no HTTPS call succeeds."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile is not None or paths.capath is not None


def _with_scheme(proxy: str) -> str:
    return proxy if "://" in proxy else f"http://{proxy}"


def _split(proxy: str) -> SplitResult | None:
    """The parts of a proxy's URL; ``None`` where it is none."""
    try:
        parts = urlsplit(proxy)
        named = parts.hostname is not None and parts.port != 0  # a port that is no number raises here
    except ValueError:
        return None
    return parts if named else None


def _is_usable(proxy: str) -> bool:
    parts = _split(proxy)
    return parts is not None and parts.scheme in {"http", "https"}


def _is_here(host: str) -> bool:
    """Whether a host is this machine by its name or its address alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
