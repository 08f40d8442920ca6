"""Inputs and outcome in; new statuses, and the events of their transitions, out."""
