"""A machine as its YAML file wires it: components, flows, checks and changes."""
