"""The model server: its pod, llama-server's flags, the configuration of both engines, the trial before a rollout."""
