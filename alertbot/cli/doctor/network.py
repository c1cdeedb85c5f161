"""Checks the way out: the environment's proxies, which calls they are for, and the system's certificates."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from alertbot.cli.doctor.findings import Finding, failed, in_help, named, ok
from alertbot.config import Config
from alertbot.ops import network

CALL = 5.0
"""Seconds for a connection to a proxy."""

_PORTS = {"http": 80, "https": 443}
_HELP = in_help("operations", "Proxies and certificates")


async def check_network(config: Config) -> Sequence[Finding]:
    """A finding for each proxy of the environment, and one where no certificate can count; none where all is plain."""
    urls = list(_urls(config))
    found = [_unusable(name, proxy) for name, proxy, usable in network.proxies_named() if not usable]
    proxies = dict.fromkeys(proxy for _, proxy, usable in network.proxies_named() if usable)
    found += await asyncio.gather(*(_proxy(proxy, urls) for proxy in proxies))
    if not network.trust_found() and any(urlsplit(url).scheme == "https" for url in urls):
        mend = "Install them: sudo apt install ca-certificates."
        found.append(failed("certificates", "this machine has no authorities, so no HTTPS call succeeds", mend))
    return found


def how_to_reach(key: str, cause: str) -> str:
    """What to do where the address under a key of the configuration cannot be reached, whatever the cause says."""
    if "certificate" in cause:
        return f"Let this machine trust who signed it: see {_HELP}."
    return f"Check {key}, and whether this machine gets there (DNS, firewall, proxy)."


def _urls(config: Config) -> Iterator[str]:
    """Everything that the service calls."""
    yield config.feed.base_url
    yield config.slack.base_url
    if config.heartbeat is not None:
        yield config.heartbeat.url
    if config.alertmanager is not None:
        yield from config.alertmanager.urls


def _unusable(variable: str, proxy: str) -> Finding:
    mend = "Name one as http://HOST:PORT, or unset the variable."
    return failed("proxy", f"{variable} names {network.shown(proxy)}, which is no HTTP proxy", mend)


async def _proxy(proxy: str, urls: Sequence[str]) -> Finding:
    shown = network.shown(proxy)
    through = dict.fromkeys(_host(url) for url in urls if network.proxy_for(url) == proxy)
    if through and (failure := await _failure(proxy)) is not None:
        return failed("proxy", f"{shown} cannot be reached ({failure})", f"Mend the environment: see {_HELP}.")
    direct = dict.fromkeys(_host(url) for url in urls if network.proxy_for(url) is None)
    what = f"{shown} is used for {named(list(through)) or 'none of the addresses'}"
    return ok("proxy", f"{what}, not for {named(list(direct))}" if direct else what)


async def _failure(proxy: str) -> str | None:
    """Why no connection to a proxy can be made."""
    parts = urlsplit(proxy)
    try:
        async with asyncio.timeout(CALL):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or _PORTS[parts.scheme])
    except TimeoutError:
        return f"no answer within {CALL:.0f} s"
    except OSError as error:
        return error.strerror or str(error)
    writer.close()
    return None


def _host(url: str) -> str:
    return urlsplit(url).hostname or url
