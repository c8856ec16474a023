"""The reference camera: stills on request, motion, privacy mode."""
