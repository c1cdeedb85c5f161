"""Operations: what the service tells systemd and the log."""
