"""Every file format once: YAML 1.2 with places, safetensors, workload and profile records, atomic
writes, errors. The only part of archsim that sdalgo imports; it imports nothing of archsim."""
