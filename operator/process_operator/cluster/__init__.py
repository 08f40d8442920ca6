"""How the API server is spoken to: client, informers, election of a leader, back-off."""
