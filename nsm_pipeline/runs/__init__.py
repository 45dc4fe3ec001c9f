"""Run folders: where each object rests between steps, and how a run becomes the published one."""
