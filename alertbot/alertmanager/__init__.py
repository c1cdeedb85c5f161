"""What Prometheus Alertmanagers are sent: the alerts as they stand, again and again, until they are resolved."""
