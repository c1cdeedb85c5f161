"""A CDN to try alertbot on: the statistics API on loopback, as strict as the real one, told by a scenario."""
