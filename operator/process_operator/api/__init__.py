"""The REST API: a second front door to the same objects that kubectl and GitOps write.

`routes -> payloads -> changes -> writer (cluster) -> presenters`: a route reads its payload, a pure
function says what the object's spec becomes, the writer sends what differs as a merge patch, and
a presenter turns the answer into what callers see. It writes our own kinds and never a child; what
becomes of an object is for the operator, which runs in another process, with other rights.
"""
