local suspended = obj.spec.suspend == true
local actions = {}
actions["release-now"] = { disabled = suspended }
actions["restart"] = { disabled = suspended }
actions["suspend"] = { disabled = suspended }
actions["resume"] = { disabled = not suspended }
return actions
