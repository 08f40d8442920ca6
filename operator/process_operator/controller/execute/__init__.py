"""Carries out a plan and publishes a report: the only room that writes objects."""
