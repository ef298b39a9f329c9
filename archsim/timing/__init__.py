"""From tile tables to time: steps, plan, schedule, program, engine. No
file here knows a machine."""
