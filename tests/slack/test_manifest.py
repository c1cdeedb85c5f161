import json

import pytest
from fakes.wire.workspace import SCOPES as EVERY_SCOPE

from alertbot.slack.manifest import manifest, manifest_text


def test_the_pasted_text_is_the_manifest_as_json():
    assert json.loads(manifest_text("/bandwidth")) == manifest("/bandwidth")


def test_the_slash_command_is_the_configured_one():
    (command,) = manifest("/cdn")["features"]["slash_commands"]
    assert command["command"] == "/cdn"
    assert command["usage_hint"]
    assert command["description"]


def test_the_bot_asks_for_just_the_scopes_that_it_uses():
    assert set(manifest("/bandwidth")["oauth_config"]["scopes"]["bot"]) == EVERY_SCOPE


def test_everything_comes_in_through_the_socket():
    settings = manifest("/bandwidth")["settings"]
    assert settings["socket_mode_enabled"] is True
    assert settings["interactivity"] == {"is_enabled": True}
    assert "event_subscriptions" not in settings
    assert "url" not in json.dumps(manifest("/bandwidth"))


def test_the_app_and_its_bot_carry_the_given_name():
    named = manifest("/bandwidth", "cdn-watch")
    assert named["display_information"]["name"] == "cdn-watch"
    assert named["features"]["bot_user"]["display_name"] == "cdn-watch"


@pytest.mark.parametrize(
    ("text", "most"),
    [
        (manifest("/bandwidth")["display_information"]["name"], 35),
        (manifest("/bandwidth")["display_information"]["description"], 140),
        (manifest("/bandwidth")["features"]["bot_user"]["display_name"], 80),
        (manifest("/bandwidth")["features"]["slash_commands"][0]["description"], 2000),
        (manifest("/bandwidth")["features"]["slash_commands"][0]["usage_hint"], 1000),
    ],
)
def test_every_text_keeps_to_slacks_limit(text, most):
    assert 0 < len(text) <= most
