"""Builds the operator's image without an engine: files are unpacked, put together and packed.

No program of another architecture is run: Debian's packages and the wheels are only unpacked, and
the bytecode, which is the same on every machine, is compiled by the Python of this one's image.
"""
