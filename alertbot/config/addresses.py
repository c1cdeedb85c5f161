"""The types of web addresses, each with its own message."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import PlainValidator

from alertbot.config.validators import listing, text

_LISTEN = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[a-zA-Z0-9.-]*)):(?P<port>[0-9]{1,5})")
_API_PATH = re.compile(r"/api(/|$)")
_EXAMPLE_LINK = "https://grafana.example.com/d/cdn?var-series={series}"


def _url(value: object, example: str = "https://cdn.example.com/v2/") -> str:
    url = text(value, example)
    try:
        parts = urlsplit(url)
        good = (
            parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        )
    except ValueError:  # brackets that do not pair, a port beyond 65535
        good = False
    if not good or " " in url:
        raise ValueError("this is no web address: write http:// or https:// and a host, without a user or password")
    return url


def _base_url(value: object) -> str:
    url = _url(value)
    if "?" in url or "#" in url:
        raise ValueError('a base URL has no "?" or "#": write one such as "https://cdn.example.com/v2/"')
    return url if url.endswith("/") else url + "/"


def _ping_url(value: object) -> str:
    url = _url(value)
    if "#" in url:
        raise ValueError('a URL to be pinged has no "#": write one such as "https://hc-ping.com/your-uuid"')
    return url


def _listen(value: object) -> tuple[str, int]:
    """Host and port; without a host it is this machine's own."""
    found = _LISTEN.fullmatch(text(value, "127.0.0.1:9464"))
    if not found or not 1 <= int(found["port"]) <= 65535:
        raise ValueError('this is no address to listen at: write a host and a port, such as "127.0.0.1:9464"')
    return found["v6"] or found["host"] or "127.0.0.1", int(found["port"])


def _alertmanager_url(value: object) -> str:
    """The cluster's own address, with the path it is served under, without a slash at its end."""
    url = _url(value, "http://alertmanager-1.example.com:9093").rstrip("/")
    if "?" in url or "#" in url:
        raise ValueError('this has no "?" or "#": write an address such as "http://alertmanager-1.example.com:9093"')
    if _API_PATH.search(urlsplit(url).path):
        raise ValueError("write the address without the path of the API, /api/..., which is added to it")
    return url


def _generator_url(value: object) -> str:
    """A link in which ``{series}`` stands for a name."""
    url = text(value, _EXAMPLE_LINK)
    if set("{}") & set(url.replace("{series}", "")):
        raise ValueError(f'only {{series}} can stand in braces, such as "{_EXAMPLE_LINK}"')
    _url(url.replace("{series}", "total"), _EXAMPLE_LINK)
    if "{series}" in urlsplit(url).netloc:
        raise ValueError(f'{{series}} cannot stand in the host\'s name: write it behind that, "{_EXAMPLE_LINK}"')
    return url


Url = Annotated[str, PlainValidator(_url)]
Listen = Annotated[tuple[str, int], PlainValidator(_listen)]
PingUrl = Annotated[str, PlainValidator(_ping_url)]
BaseUrl = Annotated[str, PlainValidator(_base_url)]
GeneratorUrl = Annotated[str, PlainValidator(_generator_url)]
AlertmanagerUrls = Annotated[
    tuple[Annotated[str, PlainValidator(_alertmanager_url)], ...], listing("http://alertmanager-1.example.com:9093")
]
