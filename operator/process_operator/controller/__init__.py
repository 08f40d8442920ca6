"""The pipeline: what is seen becomes a plan, the plan becomes writes, and a status tells of it.

The rooms stand in the order in which data flows: observe, resolve, release, build, plan, execute,
status. `reconcile` joins them for one application, `worker` says when it is looked at again,
`operator` joins the parts of one replica.
"""
