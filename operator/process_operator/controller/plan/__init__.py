"""Inputs in, a plan out: what to write, remove and record, and when to look again."""
