"""What users write and what they read: the kinds of process-operator.dev, one module each.

These models are the only source of the CRDs (see `schema/crds.py`): a field's docstring is what
`kubectl explain` prints, its type and bounds become the schema, and the rules beside a class
become CEL. They hold no operational default: what an absent field means is decided in
`resolve.py`, because a default in a CRD would change the meaning of stored objects.
"""
