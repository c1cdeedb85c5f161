"""Operations: the log, metrics, health, the heartbeat, systemd, and HTTP to others."""
