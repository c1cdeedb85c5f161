"""What people are told of: which alerts are one incident, who is woken when, and what people ordered."""
