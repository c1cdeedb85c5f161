"""Answers to questions, the same for Slack and the shell: frozen facts, read beside the running service."""
