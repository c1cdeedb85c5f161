"""What a breach means: for an alert, an incident, a message. Pure, like the rules."""
