"""What a run did: actions, time, energy, the always-on checks, the result and its files."""
