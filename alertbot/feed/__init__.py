"""The CDN's side: how its statistics are asked for, how often, and what counts as published."""
