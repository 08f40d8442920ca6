"""How requests come in and go out: server, gate, limits, problems and the pages about the API."""
