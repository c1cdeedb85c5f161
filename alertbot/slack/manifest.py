"""The Slack app's manifest: pasted when the app is created, it sets everything but the tokens.

The fields and their limits: https://docs.slack.dev/reference/app-manifest.
"""

from __future__ import annotations

import json
from typing import Any

SCOPES = (
    "channels:history",  # whether a message whose answer was lost did arrive
    "channels:join",
    "channels:read",
    "chat:write",
    "chat:write.public",
    "commands",
    "files:write",
    "groups:history",
    "groups:read",
)
"""What the bot token may do. The app token needs ``connections:write``, which no manifest can grant."""

USAGE_HINT = (
    "help | status | show DOMAIN | top [N] | p95 DOMAIN | alerts | rules | why #N | replay RULE | ack #N"
    " | silence TARGET 2h | unsilence s1 | silences"
)


def manifest(command: str, name: str = "alertbot") -> dict[str, Any]:
    """The manifest of an app called ``name`` that answers the slash command ``command`` (``/bandwidth``)."""
    return {
        "display_information": {
            "name": name,
            "description": "Tells this workspace when a CDN domain goes dark, spikes or crosses a limit",
            "background_color": "#1d3557",
        },
        "features": {
            "bot_user": {"display_name": name, "always_online": True},
            "slash_commands": [
                {
                    "command": command,
                    "description": "The CDN's bandwidth, its alerts and its rules",
                    "usage_hint": USAGE_HINT,
                    "should_escape": False,
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }


def manifest_text(command: str) -> str:
    """The manifest as the JSON that is pasted at *Create New App, From a manifest*."""
    return json.dumps(manifest(command), indent=2, ensure_ascii=False)
