"""Releases told as text: the operator's own loop against a small model of a cluster.

How to read a told release (`pure/golden/releases/`). A story has a title, says where it begins, and
then has one line for each thing that happens, in the order in which it does:

              user applies ProcessApplication shop: image="registry.example.com/shop:2"
              operator creates ProcessRelease shop-2
    12:00:04  operator says of ProcessRelease shop-2: inProgress rollout; Ready=False ...
              operator applies Deployment shop-web with 2, 1 instances

- The time stands only where it has moved on. A story takes milliseconds: its clock jumps to the
  next moment at which anything happens by itself, and the story is over when there is none.
- *user* applies or deletes a manifest; of a change the line has the fields that differ.
- *operator* creates (a Job "with 2", which is the tag of its image), applies (a Deployment
  likewise), cleans (takes out what others added to a child) or deletes an object, or "says of" one
  of our own kinds: that writes its status, and the line has what is new in it. Each of these lines
  is one write.
- *event on* is a Kubernetes event that the operator sends.
- *autoscaler*, *server* and lines that begin with the object itself ("Job shop-migrate fails") are
  what others do in the cluster.

How to write one. `Story` has a method for whatever a user does, and `settles` and `passes` for the
time after it. `failing_images` and `jobs` say what goes wrong, `server.admits` and `server.refuses`
what the API server makes of a write, `server.absent` what is not installed.

What is real, and what is a model. What observes, decides and writes is the operator itself
(`life.py` has its `Reconciler`), one look after the other; `strike` may kill it before or after any
write, and `restarts` start it anew at any look, so that a story can be told again with a crash
between any two of its steps. The API server (`server.py`) and its Deployment and Job controllers
(`controllers.py`) are models. As the real one, the server refuses a status or an event that does
not fit its schema, a write at an old version and a create of a name that is taken.

Not modelled: defaults and owners of fields (but that of `replicas`), validation of specs, watches
that lag or break, the network, several replicas, scheduling, more than one application. That the
real server and the real controllers do what the model does is for `tests/cluster/` to show, what
becomes of a network that fails for `tests/faults/`.
"""

from storytelling.cast import KEY, NAMESPACE, SMALL, START, Body, application, request
from storytelling.server import Killed, Server
from storytelling.story import Story

__all__ = [
    "KEY",
    "NAMESPACE",
    "SMALL",
    "START",
    "Body",
    "Killed",
    "Server",
    "Story",
    "application",
    "request",
]
