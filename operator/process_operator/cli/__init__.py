"""The subcommands that are more than one call: what each reads, prints and answers with.

One file per subcommand, with its arguments. None of them decides anything: that is done below, in
modules that can be tested without a terminal. What is heavy to load is loaded when it is used, so
that a question about a schedule is answered before Kopf would have been imported.
"""
