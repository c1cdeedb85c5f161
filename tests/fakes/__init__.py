"""Stand-ins at the wire: what alertbot talks to, and the clock it reads."""
