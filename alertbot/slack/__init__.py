"""The Slack side: what a message looks like, how it is sent, and how slash commands come in (Socket Mode only).

This package alone uses slack_sdk. Block Kit's limits hold by construction (``blocks``), every failed call is a
``DeliveryError`` (``client``), and the SDK never retries by itself: its default handlers post twice.
"""
