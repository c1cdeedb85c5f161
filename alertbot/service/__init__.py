"""The running service: reads the clock, wires the rooms together, and keeps the loops going."""
