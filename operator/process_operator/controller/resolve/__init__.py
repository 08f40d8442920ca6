"""Specs and references in, a defaulted, checked and frozen application out, or a refusal."""
